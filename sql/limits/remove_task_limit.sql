-- Removes the limit of a task. Returns false if it had none.
CREATE OR REPLACE FUNCTION mainspring.remove_task_limit(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.task_limits AS l WHERE l.task = remove_task_limit.task;
    RETURN FOUND;
END $$;
