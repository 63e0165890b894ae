-- Ends the pause of a queue. Returns false if it was not paused.
CREATE OR REPLACE FUNCTION mainspring.resume_queue(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE mainspring.queues AS q SET paused = false, updated_at = mainspring.now()
    WHERE q.name = resume_queue.name AND q.paused;
    RETURN FOUND;
END $$;
