-- Returns for what time a job waits: for its first attempt, or for another one.
CREATE OR REPLACE FUNCTION mainspring.explain_time(job mainspring.jobs)
RETURNS mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    facts jsonb := jsonb_build_object('run_at', mainspring.utc_text(job.run_at), 'attempts', job.attempts,
        'max_attempts', job.max_attempts, 'snoozes', job.snoozes, 'deaths', job.deaths, 'last_error', job.last_error);
BEGIN
    IF job.attempts > 0 THEN
        RETURN ROW('waits_for_retry', format('It has failed %s of %s times, and is tried again at %s.', job.attempts,
            job.max_attempts, mainspring.utc_text(job.run_at)), mainspring.readable_time(job.run_at), facts)::mainspring.job_reason;
    END IF;
    RETURN ROW('not_due', format('It is not due until %s.', mainspring.utc_text(job.run_at)),
        mainspring.readable_time(job.run_at), facts)::mainspring.job_reason;
END $$;
