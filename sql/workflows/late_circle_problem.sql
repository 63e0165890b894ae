-- Returns the problem of a job that takes the place of a stored one under its key, while others wait for that one, or are to: it
-- could wait for itself. NULL without one. `outer_waits` are those that do not come from names of the same call.
CREATE OR REPLACE FUNCTION mainspring.late_circle_problem(new_waits mainspring.waits[], outer_waits mainspring.waits[], added bigint[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT format('key must be that of a job for which no other waits, got that of job %s', f.id)
    FROM (
        SELECT n.child AS id FROM unnest(new_waits) AS n
        WHERE n.child = n.parent OR EXISTS (SELECT FROM mainspring.waits AS w WHERE w.parent = n.child AND w.parent > 0 AND w.ending IS NULL)
        UNION ALL SELECT o.parent FROM unnest(outer_waits) AS o JOIN unnest(added) AS a(id) ON a.id = o.parent
    ) AS f ORDER BY f.id LIMIT 1;
$$;
