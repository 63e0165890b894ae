-- Returns the time at which the client's statement began.
--
-- This is the one clock: every default, function and statement calls it. It is STABLE, so it can bound the scan of an
-- index, and it is allowed in writes of distributed tables. PostgreSQL puts its body in place of each call.
CREATE OR REPLACE FUNCTION mainspring.now()
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN statement_timestamp();
