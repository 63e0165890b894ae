-- Deletes the steps of a job that does not run: its next attempt begins with the first one. Returns how many they were.
CREATE OR REPLACE FUNCTION mainspring.clear_steps(job_id bigint)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    standing mainspring.job_state;
    cleared bigint;
BEGIN
    SELECT j.state INTO standing FROM mainspring.jobs AS j WHERE j.id = clear_steps.job_id FOR NO KEY UPDATE;
    PERFORM mainspring.refuse(CASE WHEN standing IS NULL THEN format('job_id must be that of a stored job, got %s', clear_steps.job_id)
        WHEN standing = 'running' THEN format('job_id must be that of a job that does not run, got %s', clear_steps.job_id) END);
    DELETE FROM mainspring.steps AS s WHERE s.job_id = clear_steps.job_id;
    GET DIAGNOSTICS cleared = ROW_COUNT;
    RETURN cleared;
END $$;
