-- Returns whether every program can read a time: it is finite, and in the years 1 to 9999. NULL for NULL.
CREATE OR REPLACE FUNCTION mainspring.is_readable_time(moment timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN moment >= '0001-01-01 00:00:00+00'::timestamptz AND moment < '10000-01-01 00:00:00+00'::timestamptz;
