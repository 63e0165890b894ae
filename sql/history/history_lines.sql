-- Returns the lines of the history that were written on a day, from one place in its partition to another. A place is a block and a
-- line in it. Lines are written one behind the other, so these are lines that ended one after the other.
--
-- No index is read, and no block outside of these places. It runs as the owner of the schema, which reading places needs.
CREATE OR REPLACE FUNCTION mainspring.history_lines(day date, from_place tid, to_place tid)
RETURNS TABLE (place tid, id bigint, task text, queue text, outcome text, priority smallint, run_at timestamptz, attempts smallint,
    key text, reason text, created_at timestamptz, started_at timestamptz, finished_at timestamptz, worker_id integer,
    deaths smallint, errors jsonb)
LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET jit = off
SET enable_tidscan = on
AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT h.ctid, h.id, h.task, h.queue, h.outcome, h.priority, h.run_at, h.attempts, h.key, h.reason,
            h.created_at, h.started_at, h.finished_at, h.worker_id, coalesce(h.deaths, 0::smallint), h.errors
        FROM mainspring.%I AS h WHERE h.ctid >= $1 AND h.ctid < $2', 'history_' || coalesce(to_char(day, 'YYYYMMDD'), 'of no day'))
    USING from_place, to_place;
EXCEPTION
    -- Its retention is over.
    WHEN undefined_table THEN
        RETURN;
END $$;
