-- The reason that a person gave, or the usual one. One that is too long is refused.
CREATE OR REPLACE FUNCTION mainspring.reason_or_default(reason text, usual text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF char_length(reason) > 1000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
            MESSAGE = format('reason must be at most 1000 characters, got %s', char_length(reason));
    END IF;
    RETURN coalesce(nullif(reason, ''), usual);
END $$;
