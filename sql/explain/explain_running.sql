-- Returns where a job runs and since when, whether its worker is lost, and whether its attempt is to end.
CREATE OR REPLACE FUNCTION mainspring.explain_running(job mainspring.jobs)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    worker mainspring.workers;
    lives boolean := EXISTS (SELECT FROM mainspring.living_workers() AS w WHERE w.id = job.worker_id);
    since text := mainspring.utc_text(job.locked_at);
    facts jsonb;
BEGIN
    SELECT w.* INTO worker FROM mainspring.workers AS w WHERE w.id = job.worker_id;
    facts := jsonb_build_object('worker_id', job.worker_id, 'worker', worker.name, 'since', since, 'attempts', job.attempts,
        'max_attempts', job.max_attempts, 'progress', job.progress, 'progress_note', job.progress_note,
        'superseded', job.superseded, 'heartbeat_at', mainspring.utc_text(worker.heartbeat_at));
    IF lives THEN
        RETURN NEXT ROW('running', format('It runs since %s in the worker %s, `%s`.', since, job.worker_id, worker.name),
            NULL::timestamptz, facts)::mainspring.job_reason;
    ELSE
        RETURN NEXT ROW('worker_lost', format('Its worker %s is lost: %s. Another worker requeues the job.', job.worker_id,
            coalesce('the last heartbeat came at ' || mainspring.utc_text(worker.heartbeat_at), 'it is not registered any more')),
            NULL::timestamptz, facts
                || jsonb_build_object('living_workers', (SELECT count(*) FROM mainspring.living_workers())))::mainspring.job_reason;
    END IF;
    IF job.cancel_reason IS NOT NULL THEN
        RETURN NEXT ROW('cancelling', 'It was cancelled while it ran, and its attempt is to end.', NULL::timestamptz,
            jsonb_build_object('reason', job.cancel_reason))::mainspring.job_reason;
    END IF;
END $$;
