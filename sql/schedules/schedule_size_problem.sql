-- Returns what is wrong with the size of a schedule's payload, in words for a person, or NULL.
CREATE OR REPLACE FUNCTION mainspring.schedule_size_problem(payload jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    -- A fire adds its name and time to the payload.
    WHEN octet_length(payload::text) + 1024 > mainspring.payload_limit()
        THEN format('payload must be at most %s bytes, got %s', mainspring.payload_limit() - 1024,
            octet_length(payload::text))
END;
