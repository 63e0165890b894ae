-- Returns what is wrong with a number of a schedule, or NULL.
CREATE OR REPLACE FUNCTION mainspring.schedule_number_problem(field text, value jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN jsonb_typeof(value) <> 'number' OR value::numeric <> trunc(value::numeric)
        THEN format('%s must be a whole number, got %s', field, left(value::text, 100))
    WHEN field = 'priority' AND value::numeric NOT BETWEEN -32768 AND 32767
        THEN format('priority must be -32768 to 32767, got %s', left(value::text, 100))
    WHEN field = 'max_attempts' AND value::numeric NOT BETWEEN 1 AND 32767
        THEN format('max_attempts must be 1 to 32767, got %s', left(value::text, 100))
    WHEN field = 'catch_up' AND value::numeric NOT BETWEEN 0 AND 10000
        THEN format('catch_up must be 0 to 10000, got %s', left(value::text, 100))
    WHEN field = 'jitter_seconds' AND value::numeric NOT BETWEEN 0 AND 86400
        THEN format('jitter_seconds must be 0 to 86400, got %s', left(value::text, 100))
    WHEN field = 'version' AND value::numeric NOT BETWEEN 0 AND 2147483647
        THEN format('version must be 0 to 2147483647, got %s', left(value::text, 100))
END;
