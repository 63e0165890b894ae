-- After how many failed attempts a job is dead, where it names no number. A constant, so that it becomes part of the statement that
-- calls it.
CREATE OR REPLACE FUNCTION mainspring.default_max_attempts()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 25::smallint;
