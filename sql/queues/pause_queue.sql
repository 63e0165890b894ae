-- Pauses a queue: no job of it is claimed until it is resumed, and running ones go on. Returns false if it was paused already.
CREATE OR REPLACE FUNCTION mainspring.pause_queue(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(mainspring.queue_problem(name, 1, NULL, NULL));
    INSERT INTO mainspring.queues AS q (name, paused) VALUES (pause_queue.name, true)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET paused = true, updated_at = mainspring.now() WHERE NOT q.paused;
    RETURN FOUND;
END $$;
