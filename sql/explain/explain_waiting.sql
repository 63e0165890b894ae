-- Returns what hinders a waiting job at this moment. Pauses and missing workers are among it before the job is due, as they
-- will hinder it then. Limits change until then, and are not.
CREATE OR REPLACE FUNCTION mainspring.explain_waiting(job mainspring.jobs, moment timestamptz)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    is_due boolean := job.run_at <= moment;
BEGIN
    IF NOT is_due THEN
        RETURN NEXT mainspring.explain_time(job);
    END IF;
    RETURN QUERY SELECT * FROM mainspring.explain_pauses(job);
    IF is_due THEN
        RETURN QUERY SELECT * FROM mainspring.explain_queue(job, moment);
        RETURN QUERY SELECT * FROM mainspring.explain_task_limit(job, moment);
    END IF;
    RETURN QUERY SELECT * FROM mainspring.explain_workers(job, is_due);
    RETURN QUERY SELECT * FROM mainspring.explain_lock(job.id);
END $$;
