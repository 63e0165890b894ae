-- The priority of a job that names none. A constant, so that it becomes part of the statement that calls it.
CREATE OR REPLACE FUNCTION mainspring.default_priority()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 0::smallint;
