-- Returns why no worker takes a job, if none does: none lives, none knows its task or its version, all leave its flags alone, or those that could
-- take it stop, fail or are busy. Only a due job is held up by busy workers.
CREATE OR REPLACE FUNCTION mainspring.explain_workers(job mainspring.jobs, is_due boolean)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    living bigint := (SELECT count(*) FROM mainspring.living_workers());
BEGIN
    IF living = 0 THEN
        RETURN NEXT ROW('no_worker', 'No worker lives: no scheduler sends heartbeats.', NULL::timestamptz,
            jsonb_build_object('lost_workers', (SELECT count(*) FROM mainspring.workers)))::mainspring.job_reason;
    ELSIF cardinality(mainspring.unknown_tasks(ARRAY[job.task])) > 0 THEN
        RETURN NEXT ROW('task_unknown', format('No living worker has a handler for its task `%s`.', job.task),
            NULL::timestamptz, jsonb_build_object('task', job.task, 'living_workers', living))::mainspring.job_reason;
    ELSIF NOT EXISTS (SELECT FROM mainspring.living_workers() AS w WHERE mainspring.can_read(w, job)) THEN
        RETURN NEXT ROW('version_unknown', format('Its payload is of version %s of the task `%s`, and every living worker has an '
            'older one.', job.version, job.task), NULL::timestamptz, jsonb_build_object('task', job.task,
            'version', job.version))::mainspring.job_reason;
    ELSIF NOT EXISTS (SELECT FROM mainspring.able_workers(job)) THEN
        RETURN NEXT ROW('flags_refused', format('Every living worker with a handler for its task `%s` leaves one of its flags '
            'alone.', job.task), NULL::timestamptz, jsonb_build_object('task', job.task,
            'flags', job.flags))::mainspring.job_reason;
    ELSIF NOT EXISTS (SELECT FROM mainspring.claiming_workers(job)) THEN
        RETURN NEXT mainspring.explain_problems(job);
    ELSIF is_due AND NOT EXISTS (SELECT FROM mainspring.claiming_workers(job) AS w WHERE w.concurrency IS NULL
        OR (SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j
            WHERE j.state = 'running' AND j.worker_id = w.id LIMIT w.concurrency) AS r) < w.concurrency)
    THEN
        RETURN QUERY SELECT 'workers_busy', format('Every worker that could take it runs as many jobs as it may, %s in all.',
            sum(w.concurrency)), NULL::timestamptz, jsonb_build_object('workers', count(*), 'concurrency', sum(w.concurrency))
        FROM mainspring.claiming_workers(job) AS w;
    END IF;
END $$;
