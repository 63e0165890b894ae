-- Ends the pause of a queue. Answers whether that is a change.
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
