-- Returns what is wrong with the text of a payload, in words for a person, or NULL.
--
-- - Numbers come first: only then is the text of bounded length.
-- - The deepest nesting is the deepest that serde_json reads.
-- - The size is that of the text that is read back: `1e300` becomes 301 digits, and each comma gets a blank.
CREATE OR REPLACE FUNCTION mainspring.payload_problem(payload text, max_bytes bigint)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    max_depth CONSTANT integer := 127;
    value jsonb;
    bytes bigint;
BEGIN
    BEGIN
        value := coalesce(payload, '{}')::jsonb;
    EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
        RETURN 'payload must be JSON that PostgreSQL can hold: ' || SQLERRM;
    END;
    IF mainspring.numbers_problem(value) IS NOT NULL THEN
        RETURN mainspring.numbers_problem(value);
    END IF;
    IF jsonb_path_exists(value, format('strict $.**{%s} ? (@.type() == "array" || @.type() == "object")', max_depth)::jsonpath)
    THEN
        RETURN format('payload must be nested at most %s deep, got more', max_depth);
    END IF;
    bytes := octet_length(value::text);
    RETURN CASE WHEN bytes > max_bytes THEN format('payload must be at most %s bytes, got %s', max_bytes, bytes) END;
END $$;
