-- Adds jobs as `enqueue_jobs` does, or with lists of what they wait for as `enqueue_waiting`, unless another transaction holds one of
-- their keys, or a job that they wait for, for longer than a moment. Then it adds none, and returns no row.
CREATE OR REPLACE FUNCTION mainspring.enqueue_promptly(jobs mainspring.new_job[], waits jsonb[] DEFAULT NULL)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
BEGIN
    IF waits IS NULL THEN
        RETURN QUERY SELECT * FROM mainspring.enqueue_jobs(jobs);
    ELSE
        RETURN QUERY SELECT * FROM mainspring.enqueue_waiting(jobs, waits);
    END IF;
EXCEPTION WHEN lock_not_available THEN
    RETURN;
END $$;
