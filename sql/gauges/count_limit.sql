-- Returns the number of jobs in a state from which on they are not counted, but estimated.
CREATE OR REPLACE FUNCTION mainspring.count_limit()
RETURNS bigint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 5000::bigint;
$$;
