-- Returns the problem of the first of these jobs that waits for itself, by way of others. NULL without one.
CREATE OR REPLACE FUNCTION mainspring.late_circle(ids bigint[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
    WITH RECURSIVE above(child, parent) AS (
        SELECT w.child, w.parent FROM mainspring.waits AS w
        WHERE w.child = ANY (ids) AND w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)
        UNION
        SELECT a.child, w.parent FROM above AS a JOIN mainspring.waits AS w ON w.child = a.parent
        WHERE a.parent <> a.child AND w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)
    )
    SELECT format('after must be jobs that do not wait for this one, and job %s would wait for itself', a.child)
    FROM above AS a WHERE a.parent = a.child ORDER BY a.child LIMIT 1;
$$;
