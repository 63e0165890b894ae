-- Returns a time as RFC 3339 writes it, in UTC and to the second, whatever the zone of the session. NULL for NULL.
CREATE OR REPLACE FUNCTION mainspring.utc_text(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE
RETURN to_char(mainspring.readable_time(moment) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
