-- Returns where a crontab line begins that no other process has: at the start of this one, as what was due before is left alone. With
-- `fill` it begins at its last fire, or when it was first known, and no further back than `fill`.
--
-- A fire never comes twice, so no line begins before its last one. A last fire that lies ahead was made by a clock that ran ahead, and
-- holds up nothing: a fire that was made then is left out when its time comes.
CREATE OR REPLACE FUNCTION mainspring.line_begins(line mainspring.schedules, fill interval, started timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last_fire timestamptz := CASE WHEN line.last_fire_at > mainspring.now() THEN started ELSE line.last_fire_at END;
BEGIN
    RETURN greatest(last_fire, CASE WHEN fill IS NULL THEN started
        ELSE least(started, greatest(coalesce(last_fire, line.created_at), started - fill)) END);
END $$;
