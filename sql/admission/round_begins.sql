-- Returns the first turn for which any job of the tasks `known` waits with this priority, or the moment if none does.
-- `from_priority` and `from_turn` are where ready jobs begin.
CREATE OR REPLACE FUNCTION mainspring.round_begins(
    best smallint, known text[], from_priority smallint, from_turn timestamptz, moment timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql
AS $$
DECLARE
    first timestamptz;
BEGIN
    SELECT min(h.turn) INTO first FROM unnest(known) AS k(task) CROSS JOIN LATERAL (
        SELECT coalesce(j.turn_at, j.run_at) AS turn FROM mainspring.jobs AS j
        -- Not as a comparison of rows, which would begin at the priority's first dead entry.
        WHERE j.state = 'ready' AND j.flags IS NULL AND j.task = k.task AND j.priority = best
            AND coalesce(j.turn_at, j.run_at) >= CASE WHEN best > from_priority THEN '-infinity'
                WHEN best < from_priority THEN 'infinity' ELSE coalesce(from_turn, '-infinity') END
        ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT 1) AS h;
    RETURN coalesce(first, moment);
END $$;
