-- Moves the lines of `known` that can be moved. Each gets a row as a line has that no process has any more: `register_line` goes on
-- from its last fire. A line that fires here already goes on behind its last execution there.
, stored AS (
    INSERT INTO mainspring.schedules AS s (owner, name, task, expression, zone, payload, catch_up, overlap, jitter_seconds, paused,
        created_at, last_fire_at)
    SELECT 'code', k.identifier, k.identifier, '', 'UTC', jsonb_build_object(), 0, 'allow', 0, false, k.known_since, k.last_execution
    FROM known AS k WHERE k.problem IS NULL ORDER BY k.identifier
    ON CONFLICT (owner, name) DO UPDATE SET created_at = least(s.created_at, excluded.created_at),
        last_fire_at = greatest(s.last_fire_at, excluded.last_fire_at),
        plan_after = CASE WHEN s.next_fire_at <= excluded.last_fire_at THEN excluded.last_fire_at
            WHEN s.plan_after IS NOT NULL THEN greatest(s.plan_after, excluded.last_fire_at) END,
        next_fire_at = CASE WHEN s.next_fire_at <= excluded.last_fire_at THEN NULL ELSE s.next_fire_at END
    RETURNING s.name
), removed AS (
    DELETE FROM graphile_worker._private_known_crontabs AS g USING stored AS s WHERE g.identifier = s.name
)
SELECT json_build_object('lines', (SELECT count(*) FROM stored))::text
