-- Ends the pause of a task. Returns false if it was not paused.
CREATE OR REPLACE FUNCTION mainspring.resume_task(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.paused_tasks AS p WHERE p.task = resume_task.task;
    RETURN FOUND;
END $$;
