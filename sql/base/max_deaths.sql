-- Returns after how many lost processes in a row a job is dead. It is a constant, so PostgreSQL puts it in place of each call.
CREATE OR REPLACE FUNCTION mainspring.max_deaths()
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 10::smallint;
