-- Returns the time, or the end of the years 1 to 9999 on its side where it lies beyond them: every program can read these.
CREATE OR REPLACE FUNCTION mainspring.readable_time(moment timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN moment IS NOT NULL THEN
    greatest(least(moment, '9999-12-31 23:59:59+00'::timestamptz), '0001-01-01 00:00:00+00'::timestamptz) END;
