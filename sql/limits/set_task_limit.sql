-- Sets how many jobs of a task run at once over all processes, and how many may be claimed in a period. What is not given has
-- no limit. A changed rate begins with a full bucket.
CREATE OR REPLACE FUNCTION mainspring.set_task_limit(
    task text, concurrency bigint DEFAULT NULL, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.write_task_limit(task, concurrency, rate_limit, rate_period, false);
END $$;
