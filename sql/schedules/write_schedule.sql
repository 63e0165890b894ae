-- Creates a schedule, or changes the fields that `changes` names, where a JSON null means the default. Returns its id, or NULL if
-- there is no schedule to change. Every change of a schedule is made here.
--
-- A change that affects the time marks the row for planning. A new payload leaves the next fire as it is. It is of the version
-- that its task has published now, unless the change has another one.
CREATE OR REPLACE FUNCTION mainspring.write_schedule(schedule_name text, changes jsonb, is_new boolean)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old mainspring.schedules;
    new mainspring.schedules;
BEGIN
    PERFORM mainspring.refuse(mainspring.schedule_fields_problem(changes));
    IF is_new THEN
        changes := mainspring.schedule_defaults() || coalesce(changes, '{}') || jsonb_build_object('name', schedule_name);
    ELSE
        SELECT * INTO old FROM mainspring.schedules AS s
        WHERE s.owner = 'people' AND s.name = schedule_name FOR UPDATE;
        IF NOT FOUND THEN RETURN NULL; END IF;
    END IF;
    new := mainspring.schedule_with(old, mainspring.with_version(changes, old.task));
    PERFORM mainspring.refuse(coalesce(mainspring.schedule_problem(new), mainspring.schedule_size_problem(new.payload)));
    new := mainspring.marked_schedule(old, new);
    IF is_new THEN
        new.id := mainspring.insert_schedule(new);
    ELSE
        UPDATE mainspring.schedules AS s
        SET task = new.task, expression = new.expression, payload = new.payload, zone = new.zone, queue = new.queue,
            priority = new.priority, max_attempts = new.max_attempts, key = new.key, flags = new.flags, overlap = new.overlap,
            catch_up = new.catch_up, starts_at = new.starts_at, ends_at = new.ends_at,
            jitter_seconds = new.jitter_seconds, version = new.version, paused = new.paused, plan_after = new.plan_after,
            next_fire_at = new.next_fire_at, making_up_until = new.making_up_until, late_since = new.late_since,
            late_reason = new.late_reason, error = new.error, updated_at = mainspring.now()
        WHERE s.id = new.id;
    END IF;
    IF is_new OR changes ?| '{task,payload}' THEN
        PERFORM mainspring.refuse(mainspring.unsealed_problem(ARRAY[jsonb_populate_record(NULL::mainspring.new_job,
            jsonb_build_object('task', new.task, 'payload', new.payload::text))], NULL));
        PERFORM mainspring.warn_of_schedule(new);
    END IF;
    PERFORM mainspring.tell_schedules_changed();
    RETURN new.id;
END $$;
