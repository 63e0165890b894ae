-- Returns the schedule marked for planning, if it is new, has an error, or fires at other times than the old one. A scheduler then
-- computes its next fire.
CREATE OR REPLACE FUNCTION mainspring.marked_schedule(old mainspring.schedules, new mainspring.schedules)
RETURNS mainspring.schedules
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF old.id IS NULL OR old.error IS NOT NULL OR (old.expression, old.zone, old.starts_at, old.ends_at, old.paused)
        IS DISTINCT FROM (new.expression, new.zone, new.starts_at, new.ends_at, new.paused)
    THEN
        new.error := NULL;
        new.next_fire_at := NULL;
        new.making_up_until := NULL;
        new.late_since := NULL;
        new.late_reason := NULL;
        new.plan_after := CASE WHEN NOT new.paused THEN mainspring.now() END;
    END IF;
    RETURN new;
END $$;
