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
    SELECT array_agg((f.schedule).id ORDER BY f.ord) AS ids, array_agg((f.schedule).name ORDER BY f.ord) AS names,
        array_agg(f.due ORDER BY f.ord) AS dues, array_agg(f.outcome ORDER BY f.ord) AS outcomes,
        array_agg((f.schedule).task ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS tasks,
        array_agg(mainspring.fire_payload(f.schedule, f.due, f.backfilled)::text ORDER BY f.ord)
            FILTER (WHERE f.outcome = 'enqueued') AS payloads,
        array_agg((f.schedule).queue ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS queues,
        array_agg(f.run_at ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS run_ats,
        array_agg((f.schedule).priority::integer ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS priorities,
        array_agg((f.schedule).max_attempts::integer ORDER BY f.ord)
            FILTER (WHERE f.outcome = 'enqueued') AS attempt_limits,
        bool_or(f.job_key IS NOT NULL) AS has_keys,
        array_agg(f.job_key ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS keys,
        array_agg(CASE WHEN (f.schedule).overlap = 'skip' THEN 'unsafe_dedupe'
            ELSE coalesce((f.schedule).key_mode, 'replace') END ORDER BY f.ord)
            FILTER (WHERE f.outcome = 'enqueued') AS key_modes,
        bool_or((f.schedule).flags IS NOT NULL) AS has_flags,
        array_agg(to_jsonb((f.schedule).flags)::text ORDER BY f.ord) FILTER (WHERE f.outcome = 'enqueued') AS flag_sets,
        array_agg((f.schedule).owner ORDER BY f.ord) AS owners
    INTO fires FROM mainspring.fire_outcomes(ids, dues, run_ats, backfills) AS f;

    RETURN QUERY
    WITH added AS MATERIALIZED (
        -- Without keys all ordinals are 0, and the rows stand in the order of the input.
        SELECT array_agg(e.job_id ORDER BY e.ordinal, e.place) AS jobs,
            array_agg(e.job_priority ORDER BY e.ordinal, e.place) AS priorities,
            array_agg(e.job_run_at ORDER BY e.ordinal, e.place) AS run_ats
        FROM mainspring.enqueue(fires.tasks, fires.payloads, fires.queues, fires.run_ats, fires.priorities,
            fires.attempt_limits, CASE WHEN fires.has_keys THEN fires.keys END,
            CASE WHEN fires.has_keys THEN fires.key_modes END,
            CASE WHEN fires.has_flags THEN fires.flag_sets END) WITH ORDINALITY
            AS e(ordinal, job_id, job_state, job_priority, job_run_at, place)
    ), listed AS (
        SELECT f.*, CASE WHEN f.outcome = 'enqueued'
            THEN count(*) FILTER (WHERE f.outcome = 'enqueued') OVER (ORDER BY f.ord) END AS nth
        FROM unnest(fires.ids, fires.names, fires.dues, fires.outcomes, fires.owners) WITH ORDINALITY
            AS f(id, name, due, outcome, owner, ord)
    ), known AS MATERIALIZED (
        SELECT l.*, a.jobs[l.nth] AS job_id, a.priorities[l.nth] AS job_priority, a.run_ats[l.nth] AS job_run_at,
            fires.queues[l.nth] AS queue
        FROM listed AS l CROSS JOIN added AS a
    ), written AS (
        INSERT INTO mainspring.schedule_fires (due_at, job_id, triggered, owner, schedule, outcome)
        SELECT k.due, k.job_id, are_triggered, k.owner, k.name, k.outcome FROM known AS k
    )
    SELECT k.id, k.due, k.outcome, k.job_id, k.queue, k.job_priority, k.job_run_at FROM known AS k ORDER BY k.ord;
END $$;
