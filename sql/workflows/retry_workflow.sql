-- Retries the dead jobs of a workflow, as `retry_jobs` does. Jobs that wait for them go on when they succeed. Returns a row for each. A
-- workflow that was cancelled takes jobs again, if a job was retried.
CREATE OR REPLACE FUNCTION mainspring.retry_workflow(workflow bigint)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    dead CONSTANT bigint[] := mainspring.stored_members(workflow, '{dead}');
BEGIN
    RETURN QUERY SELECT r.* FROM mainspring.retry_jobs(dead) AS r;
    UPDATE mainspring.workflows AS f SET cancelled_at = NULL WHERE f.id = workflow AND f.cancelled_at IS NOT NULL
        AND EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = ANY (dead) AND j.state <> 'dead');
END $$;
