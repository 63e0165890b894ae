-- Cancels the unfinished jobs of a workflow, its callback too, as `cancel_jobs` does. Returns a row for each. The workflow takes no more
-- jobs then, so a job that still runs cannot add any.
CREATE OR REPLACE FUNCTION mainspring.cancel_workflow(workflow bigint, reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    unfinished CONSTANT bigint[] := mainspring.stored_members(workflow, '{waiting,scheduled,parked,ready,running,held}');
BEGIN
    UPDATE mainspring.workflows AS f SET cancelled_at = mainspring.now() WHERE f.id = workflow AND f.cancelled_at IS NULL;
    RETURN QUERY SELECT r.* FROM mainspring.cancel_jobs(unfinished, cancel_workflow.reason) AS r;
END $$;
