-- Returns the reason that a person gave, or the usual one. It refuses a reason that is too long.
CREATE OR REPLACE FUNCTION mainspring.reason_or_default(reason text, usual text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF char_length(reason) > 1000 THEN
        PERFORM mainspring.refuse(format('reason must be at most 1000 characters, got %s', char_length(reason)));
    END IF;
    RETURN coalesce(nullif(reason, ''), usual);
END $$;
