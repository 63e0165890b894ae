-- Adds the jobs of those fires that add one, and returns a row for each: its place among the fires, and its job. What a schedule
-- leaves open is what its task has published by now. A job that was there before, and waited, has been replaced.
CREATE OR REPLACE FUNCTION mainspring.enqueue_fires(fires mainspring.judged_fire[])
RETURNS TABLE (ord bigint, job_id bigint, job_queue text, job_priority smallint, job_run_at timestamptz, has_replaced boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given record;
    added record;
BEGIN
    SELECT array_agg(f.ord ORDER BY f.ord) AS ords, mainspring.with_task_options(array_agg(ROW((f.schedule).task,
        mainspring.fire_payload(f.schedule, f.due_at, f.backfilled)::text, (f.schedule).queue, f.run_at,
        (f.schedule).priority::integer, (f.schedule).max_attempts::integer, f.job_key,
        CASE WHEN f.job_key IS NULL THEN NULL WHEN (f.schedule).overlap = 'skip' THEN 'unsafe_dedupe'
            ELSE coalesce((f.schedule).key_mode, 'replace') END, (f.schedule).flags, NULL, (f.schedule).version)::mainspring.new_job ORDER BY f.ord)) AS jobs
    INTO given FROM unnest(fires) AS f WHERE f.outcome = 'enqueued';
    -- Without keys all ordinals are 0, and the rows stand in the order of the input.
    SELECT array_agg(e.job_id ORDER BY e.ordinal, e.place) AS jobs,
        array_agg(e.job_priority ORDER BY e.ordinal, e.place) AS priorities,
        array_agg(e.job_run_at ORDER BY e.ordinal, e.place) AS run_ats
    INTO added FROM mainspring.enqueue_jobs(coalesce(given.jobs, '{}'))
        WITH ORDINALITY AS e(ordinal, job_id, job_state, job_priority, job_run_at, place);

    RETURN QUERY
    SELECT given.ords[n.n], n.job, n.queue, added.priorities[n.n], added.run_ats[n.n],
        -- The revision counts the replacements, of which the later fires under this key have made some.
        n.key IS NOT NULL AND (SELECT j.revision FROM mainspring.jobs AS j WHERE j.id = n.job)
            > count(*) OVER (PARTITION BY n.job ORDER BY n.n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    FROM ROWS FROM (unnest(added.jobs), unnest(given.jobs)) WITH ORDINALITY
        AS n(job, task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version, n);
END $$;
