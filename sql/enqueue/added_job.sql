-- Returns a job that was just added as its caller may see it, for `add_job` and `add_jobs`: as `jobs_view` shows it. With
-- `unsafe_dedupe` it may be the job of another caller. Then all but its id and state is what this caller gave.
CREATE OR REPLACE FUNCTION mainspring.added_job(added bigint, job mainspring.new_job)
RETURNS mainspring.jobs_view
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    stored mainspring.jobs_view;
    shown mainspring.jobs_view;
BEGIN
    SELECT v.* INTO stored FROM mainspring.jobs_view AS v WHERE v.id = added;
    IF job.key_mode IS DISTINCT FROM 'unsafe_dedupe' THEN
        RETURN stored;
    END IF;
    shown.id := stored.id;
    shown.state := stored.state;
    shown.task := job.task;
    shown.queue := job.queue;
    shown.run_at := job.run_at;
    shown.priority := job.priority;
    shown.max_attempts := job.max_attempts;
    shown.key := job.key;
    shown.flags := job.flags;
    shown.version := coalesce(job.version, 0);
    RETURN shown;
END $$;
