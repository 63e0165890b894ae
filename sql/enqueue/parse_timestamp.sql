-- A moment from its text, or the error that names the field.
CREATE OR REPLACE FUNCTION mainspring.parse_timestamp(written text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN written::timestamptz;
EXCEPTION WHEN data_exception THEN
    PERFORM mainspring.refuse(format('run_at must be a moment, such as 2027-01-01T09:00:00Z, got %s', quote_literal(written)));
END $$;
