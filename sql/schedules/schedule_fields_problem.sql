-- Returns what is wrong with the form of `changes`, in words for a person, or NULL: with the names of its fields, and with the types of
-- their values. Whether the values keep their bounds is judged where the schedule is judged.
CREATE OR REPLACE FUNCTION mainspring.schedule_fields_problem(changes jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fields CONSTANT text[] := ARRAY['task', 'expression', 'payload', 'zone', 'queue', 'priority', 'max_attempts', 'key',
        'flags', 'overlap', 'catch_up', 'starts_at', 'ends_at', 'jitter_seconds', 'paused', 'version'];
    unknown text;
BEGIN
    IF jsonb_typeof(changes) <> 'object' THEN
        RETURN format('changes must be an object, got %s', jsonb_typeof(changes));
    END IF;
    SELECT string_agg(f, ', ') INTO unknown FROM jsonb_object_keys(changes) AS f WHERE f <> ALL (fields);
    IF unknown IS NOT NULL THEN
        RETURN format('changes must have the fields %s, got %s', array_to_string(fields, ', '), unknown);
    END IF;
    RETURN (SELECT mainspring.schedule_field_problem(c.key, c.value) FROM jsonb_each(changes) AS c
        WHERE mainspring.schedule_field_problem(c.key, c.value) IS NOT NULL ORDER BY c.key LIMIT 1);
END $$;
