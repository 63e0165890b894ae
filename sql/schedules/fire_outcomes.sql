-- Returns what becomes of each fire, in the order of the input: `enqueued`, `skipped` or `replaced`, by the overlap policy of its
-- schedule, or by the key mode of a crontab line. `job_key` is the key of the job: the schedule's, or one by its name for a policy
-- other than `allow`.
CREATE OR REPLACE FUNCTION mainspring.fire_outcomes(
    ids bigint[], dues timestamptz[], run_ats timestamptz[], backfills boolean[])
RETURNS SETOF mainspring.judged_fire
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- LIMIT keeps the planner from turning the look-up of each row into a scan of all of them.
    WITH listed AS MATERIALIZED (
        SELECT f.ord, s.found AS schedule, f.due, f.run_at, f.backfilled,
            CASE WHEN (s.found).overlap <> 'allow' THEN coalesce((s.found).key, 'schedule:' || (s.found).name)
                ELSE (s.found).key END AS job_key,
            (s.found).overlap = 'skip' OR (s.found).key_mode IS NOT DISTINCT FROM 'unsafe_dedupe' AS skips,
            row_number() OVER (PARTITION BY f.id ORDER BY f.ord) AS nth,
            lead(f.ord) OVER (PARTITION BY f.id ORDER BY f.ord) IS NULL AS is_last
        FROM unnest(ids, dues, run_ats, backfills) WITH ORDINALITY AS f(id, due, run_at, backfilled, ord)
        CROSS JOIN LATERAL (SELECT t AS found FROM mainspring.schedules AS t WHERE t.id = f.id LIMIT 1) AS s
    )
    SELECT l.ord, l.schedule, l.due, l.run_at, l.backfilled, l.job_key, CASE
        WHEN l.skips AND (l.nth > 1 OR EXISTS (
            SELECT FROM mainspring.jobs AS j WHERE j.key = l.job_key AND j.state <> 'dead')) THEN 'skipped'
        WHEN (l.schedule).overlap = 'replace' AND NOT l.is_last THEN 'replaced'
        ELSE 'enqueued' END
    FROM listed AS l ORDER BY l.ord
$$;
