-- Returns since when a job is held, and of what.
CREATE OR REPLACE FUNCTION mainspring.explain_held(job mainspring.jobs)
RETURNS mainspring.job_reason
LANGUAGE sql STABLE
RETURN ROW('held', format('It is held since %s: %s. A release lets it run.', mainspring.utc_text((job).updated_at),
        rtrim(coalesce((job).last_error, 'no reason is known'), '.')), NULL::timestamptz,
    jsonb_build_object('since', mainspring.utc_text((job).updated_at), 'last_error', (job).last_error))::mainspring.job_reason;
