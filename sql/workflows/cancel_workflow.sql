-- Cancels the unfinished jobs of a workflow, its callback too, as `cancel_jobs` does. Returns a row for each.
CREATE OR REPLACE FUNCTION mainspring.cancel_workflow(workflow bigint, reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN QUERY SELECT r.* FROM mainspring.cancel_jobs(
        mainspring.stored_members(workflow, '{waiting,scheduled,parked,ready,running}'), cancel_workflow.reason) AS r;
END $$;
