-- Returns how a job has ended, if the history still has it.
CREATE OR REPLACE FUNCTION mainspring.explain_finished(job_id bigint)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT f.state, format('It %s at %s.', CASE f.state WHEN 'succeeded' THEN 'has succeeded' ELSE 'was cancelled' END,
        mainspring.utc_text(f.finished_at)), NULL::timestamptz,
        jsonb_build_object('finished_at', mainspring.utc_text(f.finished_at), 'started_at', mainspring.utc_text(f.started_at),
            'worker_id', f.worker_id, 'attempts', f.attempts, 'reason', f.reason)
    FROM mainspring.find_job(job_id) AS f;
END $$;
