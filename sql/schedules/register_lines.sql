-- Stores the crontab lines of a process: `lines` is an array of objects with the columns of mainspring.schedules, and
-- with `fill`, how far back missed fires are made up for. `since_start` is how long ago the process started.
--
-- A line that no other living process has begins at the start of this one: what was due before is left alone. With
-- `fill` it begins at its last fire, or when it was first known, and no further back than asked for. A line that
-- another process has goes on, unless its expression or zone has changed.
CREATE OR REPLACE FUNCTION mainspring.register_lines(worker integer, lines jsonb, since_start interval)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    started timestamptz := mainspring.now() - since_start;
    line record;
BEGIN
    PERFORM pg_advisory_xact_lock(mainspring.lock_class(), 2);
    INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, catch_up,
        overlap, jitter_seconds, paused)
    SELECT 'code', n.name, n.task, n.expression, n.zone, n.payload, mainspring.default_priority(),
        mainspring.default_max_attempts(), n.catch_up, 'allow', 0, false
    FROM jsonb_populate_recordset(NULL::mainspring.schedules, lines) AS n
    ON CONFLICT (owner, name) DO NOTHING;

    -- One by one: a join might read the rows of all schedules.
    FOR line IN SELECT * FROM mainspring.new_lines(worker, lines, started) LOOP
        UPDATE mainspring.schedules AS s
        SET task = line.task, expression = line.expression, zone = line.zone, payload = line.payload, queue = line.queue,
            priority = line.priority, max_attempts = line.max_attempts, key = line.key, key_mode = line.key_mode,
            flags = line.flags, catch_up = line.catch_up, error = NULL, updated_at = mainspring.now(),
            next_fire_at = CASE WHEN line.goes_on THEN s.next_fire_at END,
            plan_after = CASE WHEN line.goes_on THEN s.plan_after ELSE line.begins END
        WHERE s.id = line.id;
    END LOOP;
END $$;
