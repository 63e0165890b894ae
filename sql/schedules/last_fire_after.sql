-- Returns the last fire of a schedule after the fire at `due`. A last fire that lies ahead was made by a clock that ran ahead: it is kept
-- until its time comes, because no fire up to it is made twice.
CREATE OR REPLACE FUNCTION mainspring.last_fire_after(last_fire timestamptz, due timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN due IS NULL OR (last_fire > mainspring.now() AND last_fire < '9999-01-01 00:00:00+00')
    THEN last_fire ELSE due END;
