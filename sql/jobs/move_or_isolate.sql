-- Moves jobs as `move_jobs` does. If that fails for any of them, each is moved by itself. Returns what `move_each` returns.
--
-- Settling, of which there is much, calls the two apart: a subtransaction costs more than it saves while nothing fails.
CREATE OR REPLACE FUNCTION mainspring.move_or_isolate(events mainspring.job_event[], keep_history boolean)
RETURNS TABLE (job_id bigint, job_lease bigint, job_state mainspring.job_state, job_task text, job_attempts smallint,
    job_priority smallint, job_run_at timestamptz, job_queue text, job_problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    BEGIN
        RETURN QUERY SELECT m.*, NULL::text FROM mainspring.move_jobs(events, keep_history) AS m;
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    RETURN QUERY SELECT m.* FROM mainspring.move_each(events, keep_history) AS m;
END $$;
