-- Returns why a job does not run, a reason a row, or how it stands if nothing hinders it. No row means what it means for
-- `find_job`: no such job is known.
--
-- - `reason` is a code that stays the same from release to release, and `sentence` puts it in words.
-- - `until` is when the reason ends at the earliest, where that is known. `details` holds the facts, without the payload.
-- - It changes and locks nothing. Each read is of one index and stops early, whatever the number of other jobs.
CREATE OR REPLACE FUNCTION mainspring.explain_job(job_id bigint)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    job mainspring.jobs;
    moment timestamptz := mainspring.now();
BEGIN
    SELECT j.* INTO job FROM mainspring.jobs AS j WHERE j.id = job_id;
    IF NOT FOUND THEN
        RETURN QUERY SELECT * FROM mainspring.explain_finished(job_id);
    ELSIF job.state = 'running' THEN
        RETURN QUERY SELECT * FROM mainspring.explain_running(job);
    ELSIF job.state = 'held' THEN
        RETURN NEXT mainspring.explain_held(job);
    ELSIF job.state = 'dead' THEN
        RETURN QUERY SELECT * FROM mainspring.explain_dead(job);
    ELSIF job.state = 'waiting' THEN
        RETURN QUERY SELECT * FROM mainspring.explain_waits(job);
    ELSE
        RETURN QUERY SELECT * FROM mainspring.explain_waiting(job, moment);
        IF NOT FOUND THEN
            RETURN NEXT mainspring.explain_turn(job, moment);
        END IF;
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM mainspring.explain_lock(job_id);
END $$;
