-- Returns what is wrong with the form of one field of a schedule, or NULL. A null means the default.
CREATE OR REPLACE FUNCTION mainspring.schedule_field_problem(field text, value jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    written text := value #>> '{}';
    moment timestamptz;
BEGIN
    IF value = 'null' OR field = 'payload' THEN
        RETURN NULL;
    ELSIF field IN ('priority', 'max_attempts', 'catch_up', 'jitter_seconds', 'version') THEN
        RETURN mainspring.schedule_number_problem(field, value);
    ELSIF field = 'paused' THEN
        RETURN CASE WHEN jsonb_typeof(value) <> 'boolean'
            THEN format('paused must be true or false, got %s', left(value::text, 100)) END;
    ELSIF field = 'flags' THEN
        RETURN CASE WHEN jsonb_typeof(value) <> 'array' OR jsonb_path_exists(value, '$[*] ? (@.type() != "string")')
            THEN format('flags must be an array of strings, got %s', left(value::text, 100)) END;
    ELSIF jsonb_typeof(value) <> 'string' THEN
        RETURN format('%s must be a string, got %s', field, left(value::text, 100));
    ELSIF field IN ('starts_at', 'ends_at') AND written NOT IN ('infinity', '-infinity') THEN
        -- Without an offset, or as a word, it would mean another moment in each session.
        IF written !~ '^[0-9]{4,6}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+ *([Zz]|[+-][0-9:]+)( BC)?$' THEN
            RAISE invalid_datetime_format;
        END IF;
        moment := written::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN format('%s must be a moment with its offset, such as 2027-01-01T09:00:00Z, got %s', field,
        quote_literal(left(written, 100)));
END $$;
