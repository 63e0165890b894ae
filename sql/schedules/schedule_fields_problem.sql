-- Returns what is wrong with the names of the fields in `changes`, in words for a person, or NULL.
CREATE OR REPLACE FUNCTION mainspring.schedule_fields_problem(changes jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fields CONSTANT text[] := ARRAY['task', 'expression', 'payload', 'zone', 'queue', 'priority', 'max_attempts', 'key',
        'overlap', 'catch_up', 'starts_at', 'ends_at', 'jitter_seconds', 'paused'];
    unknown text;
BEGIN
    SELECT string_agg(f, ', ') INTO unknown FROM jsonb_object_keys(changes) AS f WHERE f <> ALL (fields);
    RETURN CASE WHEN unknown IS NOT NULL
        THEN format('a schedule has the fields %s; got %s', array_to_string(fields, ', '), unknown) END;
END $$;
