-- Fires schedules that the caller has locked. It adds their jobs, records the fires, and returns a row for each in the order of
-- the input. Several fires of one schedule are in the order of `dues`.
--
-- - With the overlap `skip`, a fire adds no job while a job of the schedule lives.
-- - With `replace`, its job takes the place of the waiting one. Of several fires at once, only the last adds a job.
-- - Both recognise the schedule's job by its key.
CREATE OR REPLACE FUNCTION mainspring.fire_schedules(
    ids bigint[], dues timestamptz[], run_ats timestamptz[], backfills boolean[], are_triggered boolean)
RETURNS SETOF mainspring.fired
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
AS $$
DECLARE
    judged mainspring.judged_fire[] := ARRAY(
        SELECT f FROM mainspring.fire_outcomes(ids, dues, run_ats, backfills) AS f ORDER BY f.ord);
BEGIN
    RETURN QUERY
    WITH added AS MATERIALIZED (
        SELECT * FROM mainspring.enqueue_fires(judged)
    ), known AS MATERIALIZED (
        SELECT f.ord, f.schedule, f.due_at, a.job_id, a.job_queue, a.job_priority, a.job_run_at,
            CASE WHEN a.has_replaced THEN 'replaced' ELSE f.outcome END AS outcome
        FROM unnest(judged) AS f LEFT JOIN added AS a ON a.ord = f.ord
    ), written AS (
        INSERT INTO mainspring.schedule_fires (due_at, job_id, triggered, owner, schedule, outcome)
        SELECT k.due_at, k.job_id, are_triggered, (k.schedule).owner, (k.schedule).name, k.outcome FROM known AS k
        ORDER BY k.ord
    )
    SELECT (k.schedule).id, k.due_at, k.outcome, k.job_id, k.job_queue, k.job_priority, k.job_run_at, NULL::text
    FROM known AS k ORDER BY k.ord;
END $$;
