-- Retries the dead jobs of a workflow, as `retry_jobs` does. Jobs that wait for them go on when they succeed. Returns a row for each.
CREATE OR REPLACE FUNCTION mainspring.retry_workflow(workflow bigint)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY SELECT r.* FROM mainspring.retry_jobs(mainspring.stored_members(workflow, '{dead}')) AS r;
END $$;
