-- The lines of mainspring.register_lines beside their rows: whether each goes on as another living process has planned
-- it, and where it begins if it does not. A fire never comes twice, so no line begins before its last one.
CREATE OR REPLACE FUNCTION mainspring.new_lines(worker integer, lines jsonb, started timestamptz)
RETURNS TABLE (id bigint, task text, expression text, zone text, payload jsonb, queue text, priority smallint,
    max_attempts smallint, key text, key_mode text, flags text[], catch_up integer, goes_on boolean, begins timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    SELECT s.id, n.task, n.expression, n.zone, n.payload, n.queue,
        coalesce(n.priority, mainspring.default_priority()),
        coalesce(n.max_attempts, mainspring.default_max_attempts()), n.key, n.key_mode,
        n.flags, n.catch_up,
        (s.expression, s.zone) = (n.expression, n.zone) AND s.error IS NULL
            AND (s.next_fire_at IS NOT NULL OR s.plan_after IS NOT NULL)
            AND EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id <> worker AND s.name = ANY (w.lines)
                -- Two missed heartbeats: a killed process does not count for long.
                AND w.heartbeat_at > mainspring.now() - least(w.timeout, interval '100 years') * 0.2),
        greatest(s.last_fire_at, CASE WHEN f.fill IS NULL THEN started
            ELSE least(started, greatest(coalesce(s.last_fire_at, s.created_at), started - f.fill)) END)
    FROM jsonb_populate_recordset(NULL::mainspring.schedules, lines) WITH ORDINALITY AS n
    CROSS JOIN LATERAL (SELECT (lines -> (n.ordinality - 1)::integer ->> 'fill')::interval AS fill) AS f
    -- LIMIT keeps the planner from reading the rows of all schedules.
    CROSS JOIN LATERAL (SELECT * FROM mainspring.schedules AS t WHERE t.owner = 'code' AND t.name = n.name LIMIT 1) AS s;
$$;
