-- Returns the priority of a job that names none. It is a constant, so PostgreSQL puts it in place of each call.
CREATE OR REPLACE FUNCTION mainspring.default_priority()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 0::smallint;
