-- Lets no job of the queue through until it is resumed; running ones go on. Answers whether that is a change.
CREATE OR REPLACE FUNCTION mainspring.pause_queue(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := mainspring.queue_problem(name, 1, NULL, NULL);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    INSERT INTO mainspring.queues AS q (name, paused) VALUES (pause_queue.name, true)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET paused = true, updated_at = mainspring.now() WHERE NOT q.paused;
    RETURN FOUND;
END $$;
