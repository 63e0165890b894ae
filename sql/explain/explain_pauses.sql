-- Returns the pauses that hold a job up: those of everything, of its task and of its queue.
CREATE OR REPLACE FUNCTION mainspring.explain_pauses(job mainspring.jobs)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN QUERY SELECT 'everything_paused', format('Everything is paused since %s.', mainspring.utc_text(a.paused_at)),
        NULL::timestamptz, jsonb_build_object('since', mainspring.utc_text(a.paused_at))
    FROM mainspring.all_paused AS a;
    RETURN QUERY SELECT 'task_paused', format('Its task `%s` is paused since %s.', p.task, mainspring.utc_text(p.paused_at)),
        NULL::timestamptz, jsonb_build_object('task', p.task, 'since', mainspring.utc_text(p.paused_at))
    FROM mainspring.paused_tasks AS p WHERE p.task = job.task;
    -- Its row does not keep since when. Other changes of its settings set the time too.
    RETURN QUERY SELECT 'queue_paused', format('Its queue `%s` is paused.', q.name), NULL::timestamptz,
        jsonb_build_object('queue', q.name, 'changed_at', mainspring.utc_text(q.updated_at))
    FROM mainspring.queues AS q WHERE q.name = job.queue AND q.paused;
END $$;
