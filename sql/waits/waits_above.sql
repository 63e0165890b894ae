-- Returns all that these jobs still wait for, and what that waits for, and so on: each wait for a job once.
CREATE OR REPLACE FUNCTION mainspring.waits_above(ids bigint[])
RETURNS mainspring.waits[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
    WITH RECURSIVE above(id) AS (
        SELECT i.id FROM unnest(ids) AS i(id)
        UNION
        SELECT w.parent FROM above AS a JOIN mainspring.waits AS w ON w.child = a.id
        WHERE w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)
    )
    SELECT coalesce(array_agg(w), '{}') FROM above AS a JOIN mainspring.waits AS w ON w.child = a.id
    WHERE w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure);
$$;
