-- Returns the jobs of a workflow that are in these states, and locks its row: no job is added to it meanwhile. Refuses one that is
-- not there.
CREATE OR REPLACE FUNCTION mainspring.stored_members(workflow bigint, states mainspring.job_state[])
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    PERFORM FROM mainspring.workflows AS f WHERE f.id = workflow FOR NO KEY UPDATE;
    PERFORM mainspring.refuse(CASE WHEN NOT FOUND THEN format('workflow must be one that is there, got %s', coalesce(workflow::text, 'NULL')) END);
    RETURN ARRAY(SELECT j.id FROM mainspring.workflow_jobs AS m JOIN mainspring.jobs AS j ON j.id = m.job_id
        WHERE m.workflow_id = workflow AND j.state = ANY (states) ORDER BY j.id);
END $$;
