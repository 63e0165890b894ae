-- Returns since when a job is dead, and of what.
CREATE OR REPLACE FUNCTION mainspring.explain_dead(job mainspring.jobs)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN NEXT ROW('dead', format('It is dead since %s, after %s of %s attempts. A retry revives it.',
        mainspring.utc_text(job.updated_at), job.attempts, job.max_attempts), NULL::timestamptz,
        jsonb_build_object('since', mainspring.utc_text(job.updated_at), 'attempts', job.attempts,
            'max_attempts', job.max_attempts, 'deaths', job.deaths, 'superseded', job.superseded,
            'last_error', job.last_error))::mainspring.job_reason;
END $$;
