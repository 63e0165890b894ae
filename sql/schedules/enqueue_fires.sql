-- Adds the jobs of those fires that add one, and returns a row for each: its place among the fires, and its job. A job that was
-- there before, and waited, has been replaced.
CREATE OR REPLACE FUNCTION mainspring.enqueue_fires(fires mainspring.judged_fire[])
RETURNS TABLE (ord bigint, job_id bigint, job_priority smallint, job_run_at timestamptz, has_replaced boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given record;
    added record;
BEGIN
    SELECT array_agg(f.ord ORDER BY f.ord) AS ords, array_agg((f.schedule).task ORDER BY f.ord) AS tasks,
        array_agg(mainspring.fire_payload(f.schedule, f.due_at, f.backfilled)::text ORDER BY f.ord) AS payloads,
        array_agg((f.schedule).queue ORDER BY f.ord) AS queues, array_agg(f.run_at ORDER BY f.ord) AS run_ats,
        array_agg((f.schedule).priority::integer ORDER BY f.ord) AS priorities,
        array_agg((f.schedule).max_attempts::integer ORDER BY f.ord) AS attempt_limits,
        CASE WHEN bool_or(f.job_key IS NOT NULL) THEN array_agg(f.job_key ORDER BY f.ord) END AS keys,
        array_agg(CASE WHEN (f.schedule).overlap = 'skip' THEN 'unsafe_dedupe'
            ELSE coalesce((f.schedule).key_mode, 'replace') END ORDER BY f.ord) AS key_modes,
        CASE WHEN bool_or((f.schedule).flags IS NOT NULL)
            THEN array_agg(to_jsonb((f.schedule).flags)::text ORDER BY f.ord) END AS flag_sets
    INTO given FROM unnest(fires) AS f WHERE f.outcome = 'enqueued';
    -- Without keys all ordinals are 0, and the rows stand in the order of the input.
    SELECT array_agg(e.job_id ORDER BY e.ordinal, e.place) AS jobs,
        array_agg(e.job_priority ORDER BY e.ordinal, e.place) AS priorities,
        array_agg(e.job_run_at ORDER BY e.ordinal, e.place) AS run_ats
    INTO added FROM mainspring.enqueue(given.tasks, given.payloads, given.queues, given.run_ats, given.priorities,
        given.attempt_limits, given.keys, CASE WHEN given.keys IS NOT NULL THEN given.key_modes END, given.flag_sets)
        WITH ORDINALITY AS e(ordinal, job_id, job_state, job_priority, job_run_at, place);

    RETURN QUERY
    SELECT given.ords[n.n], n.job, added.priorities[n.n], added.run_ats[n.n],
        -- The revision counts the replacements, of which the later fires under this key have made some.
        given.keys[n.n] IS NOT NULL AND (SELECT j.revision FROM mainspring.jobs AS j WHERE j.id = n.job)
            > count(*) OVER (PARTITION BY n.job ORDER BY n.n ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
    FROM unnest(added.jobs) WITH ORDINALITY AS n(job, n);
END $$;
