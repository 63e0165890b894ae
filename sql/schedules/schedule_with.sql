-- Returns the schedule with the fields that `changes` names, where a JSON null means the default.
CREATE OR REPLACE FUNCTION mainspring.schedule_with(old mainspring.schedules, changes jsonb)
RETURNS mainspring.schedules
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN jsonb_populate_record(old, (
    SELECT coalesce(jsonb_object_agg(c.key, CASE WHEN c.value = 'null'
        THEN coalesce(mainspring.schedule_defaults() -> c.key, 'null') ELSE c.value END), '{}')
    FROM jsonb_each(changes) AS c));
