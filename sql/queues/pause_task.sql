-- Pauses a task: no job of it is claimed until it is resumed, and running ones go on. Returns false if it was paused already.
CREATE OR REPLACE FUNCTION mainspring.pause_task(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(mainspring.validate_job(task));
    INSERT INTO mainspring.paused_tasks (task) VALUES (pause_task.task) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
