-- Returns after how many failed attempts a job is dead that names no number. It is a constant, so PostgreSQL puts it in place of
-- each call.
CREATE OR REPLACE FUNCTION mainspring.default_max_attempts()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 25::smallint;
