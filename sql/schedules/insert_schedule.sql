-- Adds the row of a schedule, for `write_schedule`, and returns its id. It refuses a name that another schedule has.
CREATE OR REPLACE FUNCTION mainspring.insert_schedule(new mainspring.schedules)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM mainspring.refuse(mainspring.ended_problem(new.ends_at));
    INSERT INTO mainspring.schedules (name, task, expression, payload, zone, queue, priority, max_attempts, key,
        flags, overlap, catch_up, starts_at, ends_at, jitter_seconds, paused, version, plan_after)
    VALUES (new.name, new.task, new.expression, new.payload, new.zone, new.queue, new.priority, new.max_attempts,
        new.key, new.flags, new.overlap, new.catch_up, new.starts_at, new.ends_at, new.jitter_seconds, new.paused,
        new.version, new.plan_after)
    ON CONFLICT (owner, name) DO NOTHING
    RETURNING id INTO added;
    IF added IS NULL THEN
        PERFORM mainspring.refuse_taken('schedule', new.name);
    END IF;
    RETURN added;
END $$;
