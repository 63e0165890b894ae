-- Creates a schedule, or changes the fields that `changes` names, where a JSON null means the default. Returns its id, or NULL if
-- there is no schedule to change. Every change of a schedule is made here.
--
-- A change that affects the time marks the row for planning. A new payload leaves the next fire as it is.
CREATE OR REPLACE FUNCTION mainspring.write_schedule(schedule_name text, changes jsonb, is_new boolean)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    defaults jsonb := '{"payload": {}, "zone": "UTC", "overlap": "allow", "catch_up": 1, "jitter_seconds": 0,
        "paused": false}'::jsonb || jsonb_build_object('priority', mainspring.default_priority(),
        'max_attempts', mainspring.default_max_attempts());
    fields text[] := ARRAY['task', 'expression', 'payload', 'zone', 'queue', 'priority', 'max_attempts', 'key',
        'overlap', 'catch_up', 'starts_at', 'ends_at', 'jitter_seconds', 'paused'];
    moment timestamptz := mainspring.now();
    problem text;
    old mainspring.schedules;
    new mainspring.schedules;
BEGIN
    SELECT format('a schedule has the fields %s; got %s', array_to_string(fields, ', '), string_agg(f, ', '))
    INTO problem FROM jsonb_object_keys(changes) AS f WHERE f <> ALL (fields) HAVING count(*) > 0;
    IF problem IS NULL THEN
        SELECT * INTO old FROM mainspring.schedules AS s WHERE s.name = schedule_name FOR UPDATE;
        IF NOT is_new AND NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_object_agg(c.key, CASE WHEN c.value = 'null' THEN coalesce(defaults -> c.key, 'null') ELSE c.value END)
        INTO changes FROM jsonb_each(changes) AS c;
        changes := coalesce(changes, '{}');
        IF is_new THEN
            changes := defaults || changes || jsonb_build_object('name', schedule_name);
            old := NULL;
        END IF;
        new := jsonb_populate_record(old, changes);
        problem := mainspring.schedule_problem(new);
    END IF;
    PERFORM mainspring.refuse(problem);

    IF is_new OR old.error IS NOT NULL OR (old.expression, old.zone, old.starts_at, old.ends_at, old.paused)
        IS DISTINCT FROM (new.expression, new.zone, new.starts_at, new.ends_at, new.paused)
    THEN
        new.error := NULL;
        new.next_fire_at := NULL;
        new.plan_after := CASE WHEN NOT new.paused THEN moment END;
    END IF;
    IF is_new THEN
        INSERT INTO mainspring.schedules (name, task, expression, payload, zone, queue, priority, max_attempts, key,
            overlap, catch_up, starts_at, ends_at, jitter_seconds, paused, plan_after)
        VALUES (new.name, new.task, new.expression, new.payload, new.zone, new.queue, new.priority, new.max_attempts,
            new.key, new.overlap, new.catch_up, new.starts_at, new.ends_at, new.jitter_seconds, new.paused,
            new.plan_after)
        ON CONFLICT (name) DO NOTHING
        RETURNING id INTO new.id;
        IF NOT FOUND THEN
            PERFORM mainspring.refuse(format('name must be new, got %s, which another schedule has',
                quote_literal(schedule_name)));
        END IF;
    ELSE
        UPDATE mainspring.schedules AS s
        SET task = new.task, expression = new.expression, payload = new.payload, zone = new.zone, queue = new.queue,
            priority = new.priority, max_attempts = new.max_attempts, key = new.key, overlap = new.overlap,
            catch_up = new.catch_up, starts_at = new.starts_at, ends_at = new.ends_at,
            jitter_seconds = new.jitter_seconds, paused = new.paused, plan_after = new.plan_after,
            next_fire_at = new.next_fire_at, error = new.error, updated_at = moment
        WHERE s.id = new.id;
    END IF;
    PERFORM mainspring.tell_schedules_changed();
    RETURN new.id;
END $$;
