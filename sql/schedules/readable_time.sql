-- Returns the time, or the one nearest to it of which `is_readable_time` is true. NULL for NULL.
CREATE OR REPLACE FUNCTION mainspring.readable_time(moment timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN moment IS NOT NULL THEN
    greatest(least(moment, '9999-12-31 23:59:59.999999+00'::timestamptz), '0001-01-01 00:00:00+00'::timestamptz) END;
