-- Lets no process claim jobs of the task until it is resumed; running ones go on. Answers whether that is a change.
CREATE OR REPLACE FUNCTION mainspring.pause_task(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := mainspring.validate_job(task, NULL, NULL, NULL, NULL, NULL, NULL);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    INSERT INTO mainspring.paused_tasks (task) VALUES (pause_task.task) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
