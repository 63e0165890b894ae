-- Returns a moment from its text, or refuses it with the field named. A text without an offset from UTC, or a word such as
-- `tomorrow`, would mean another moment in each session.
CREATE OR REPLACE FUNCTION mainspring.parse_timestamp(written text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parsed timestamptz;
BEGIN
    IF written ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+ *([Zz]|[+-][0-9:]+)$' THEN
        parsed := written::timestamptz;
    END IF;
    IF written IS NOT NULL AND parsed IS NULL THEN
        RAISE invalid_datetime_format;
    END IF;
    RETURN parsed;
EXCEPTION WHEN data_exception THEN
    PERFORM mainspring.refuse(format('run_at must be a moment with its offset, such as 2027-01-01T09:00:00Z, got %s',
        quote_literal(left(written, 100))));
END $$;
