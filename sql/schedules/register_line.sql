-- Stores one crontab line of a process, see `register_lines`. A line that another process has goes on as it was planned, unless its
-- expression or zone has changed.
CREATE OR REPLACE FUNCTION mainspring.register_line(worker integer, line jsonb, started timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    new mainspring.schedules := jsonb_populate_record(NULL::mainspring.schedules, line);
    old mainspring.schedules;
BEGIN
    INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, priority, max_attempts, catch_up,
        overlap, jitter_seconds, paused)
    VALUES ('code', new.name, new.task, new.expression, new.zone, new.payload, new.priority, new.max_attempts,
        new.catch_up, 'allow', 0, false)
    ON CONFLICT (owner, name) DO NOTHING;
    SELECT * INTO old FROM mainspring.schedules AS s WHERE s.owner = 'code' AND s.name = new.name FOR UPDATE;

    IF mainspring.line_goes_on(worker, old, new) THEN
        new.next_fire_at := old.next_fire_at;
        new.plan_after := old.plan_after;
        new.making_up_until := old.making_up_until;
    ELSE
        new.plan_after := mainspring.line_begins(old, (line ->> 'fill')::interval, started);
    END IF;
    UPDATE mainspring.schedules AS s
    SET task = new.task, expression = new.expression, zone = new.zone, payload = new.payload, queue = new.queue,
        priority = new.priority, max_attempts = new.max_attempts, key = new.key, key_mode = new.key_mode,
        flags = new.flags, version = new.version, catch_up = new.catch_up, error = NULL, updated_at = mainspring.now(),
        next_fire_at = new.next_fire_at, plan_after = new.plan_after, making_up_until = new.making_up_until
    WHERE s.id = old.id;
END $$;
