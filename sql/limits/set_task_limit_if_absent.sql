-- Sets the limit of a task, as `set_task_limit` does, unless a person has set another. Returns whether it was set now.
CREATE OR REPLACE FUNCTION mainspring.set_task_limit_if_absent(
    task text, concurrency bigint DEFAULT NULL, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN mainspring.write_task_limit(task, concurrency, rate_limit, rate_period, true);
END $$;
