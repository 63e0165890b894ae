-- Fires schedules that the caller has locked. It adds their jobs, records the fires, and returns a row for each in the order of
-- the input. Several fires of one schedule are in the order of `dues`.
--
-- - With the overlap `skip`, a fire adds no job while a job of the schedule lives.
-- - With `replace`, its job takes the place of the waiting one. Of several fires at once, only the last adds a job.
-- - Both recognise the schedule's job by its key.
CREATE OR REPLACE FUNCTION mainspring.fire_schedules(
    ids bigint[], dues timestamptz[], run_ats timestamptz[], backfills boolean[], are_triggered boolean)
RETURNS TABLE (schedule_id bigint, due timestamptz, what text, job bigint, job_queue text, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fires record;
BEGIN
    -- LIMIT keeps the planner from turning the look-up of each row into a scan of all of them.
    WITH listed AS MATERIALIZED (
        SELECT f.ord, f.due, f.run_at, f.backfilled, s AS s,
            CASE WHEN s.overlap <> 'allow' THEN coalesce(s.key, 'schedule:' || s.name) END AS job_key,
            row_number() OVER (PARTITION BY s.id ORDER BY f.ord) AS nth,
            lead(f.ord) OVER (PARTITION BY s.id ORDER BY f.ord) IS NULL AS is_last
        FROM unnest(ids, dues, run_ats, backfills) WITH ORDINALITY AS f(id, due, run_at, backfilled, ord)
        CROSS JOIN LATERAL (SELECT * FROM mainspring.schedules AS t WHERE t.id = f.id LIMIT 1) AS s
    ), judged AS MATERIALIZED (
        SELECT l.*, CASE
            WHEN (l.s).overlap = 'skip' AND (l.nth > 1 OR EXISTS (
                SELECT FROM mainspring.jobs AS j WHERE j.key = l.job_key AND j.state <> 'dead')) THEN 'skipped'
            WHEN (l.s).overlap = 'replace' AND NOT l.is_last THEN 'replaced'
            ELSE 'enqueued' END AS verdict
        FROM listed AS l
    )
    SELECT array_agg((j.s).id ORDER BY j.ord) AS ids, array_agg((j.s).name ORDER BY j.ord) AS names,
        array_agg(j.due ORDER BY j.ord) AS dues, array_agg(j.verdict ORDER BY j.ord) AS verdicts,
        array_agg((j.s).task ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS tasks,
        array_agg(((j.s).payload || jsonb_build_object('_cron', jsonb_build_object(
            'ts', to_char(j.due AT TIME ZONE 'UTC', CASE WHEN j.due = date_trunc('second', j.due)
                THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END),
            'backfilled', j.backfilled, 'schedule', (j.s).name)))::text ORDER BY j.ord)
            FILTER (WHERE j.verdict = 'enqueued') AS payloads,
        array_agg((j.s).queue ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS queues,
        array_agg(j.run_at ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS run_ats,
        array_agg((j.s).priority::integer ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS priorities,
        array_agg((j.s).max_attempts::integer ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS attempt_limits,
        bool_or(j.job_key IS NOT NULL) AS has_keys,
        array_agg(j.job_key ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS keys,
        array_agg(CASE WHEN (j.s).overlap = 'skip' THEN 'unsafe_dedupe' ELSE 'replace' END ORDER BY j.ord)
            FILTER (WHERE j.verdict = 'enqueued') AS key_modes
    INTO fires FROM judged AS j;

    RETURN QUERY
    WITH added AS MATERIALIZED (
        -- Without keys all ordinals are 0, and the rows stand in the order of the input.
        SELECT array_agg(e.job_id ORDER BY e.ordinal, e.place) AS jobs,
            array_agg(e.job_priority ORDER BY e.ordinal, e.place) AS priorities,
            array_agg(e.job_run_at ORDER BY e.ordinal, e.place) AS run_ats
        FROM mainspring.enqueue(fires.tasks, fires.payloads, fires.queues, fires.run_ats, fires.priorities,
            fires.attempt_limits, CASE WHEN fires.has_keys THEN fires.keys END,
            CASE WHEN fires.has_keys THEN fires.key_modes END) WITH ORDINALITY
            AS e(ordinal, job_id, job_state, job_priority, job_run_at, place)
    ), listed AS (
        SELECT f.*, CASE WHEN f.verdict = 'enqueued'
            THEN count(*) FILTER (WHERE f.verdict = 'enqueued') OVER (ORDER BY f.ord) END AS nth
        FROM unnest(fires.ids, fires.names, fires.dues, fires.verdicts) WITH ORDINALITY
            AS f(id, name, due, verdict, ord)
    ), known AS MATERIALIZED (
        SELECT l.*, a.jobs[l.nth] AS job_id, a.priorities[l.nth] AS job_priority, a.run_ats[l.nth] AS job_run_at,
            fires.queues[l.nth] AS lane
        FROM listed AS l CROSS JOIN added AS a
    ), written AS (
        INSERT INTO mainspring.schedule_fires (due_at, job_id, triggered, schedule, outcome)
        SELECT k.due, k.job_id, are_triggered, k.name, k.verdict FROM known AS k
    )
    SELECT k.id, k.due, k.verdict, k.job_id, k.lane, k.job_priority, k.job_run_at FROM known AS k ORDER BY k.ord;
END $$;
