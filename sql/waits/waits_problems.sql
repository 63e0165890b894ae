-- Returns what is wrong with the lists of what jobs wait for, or NULL. A problem of several lists begins with the place of the job.
CREATE OR REPLACE FUNCTION mainspring.waits_problems(waits jsonb[])
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.placed_problem(mainspring.waits_problem(l.list), l.ord, cardinality(waits))
    FROM unnest(waits) WITH ORDINALITY AS l(list, ord)
    WHERE l.list IS NOT NULL AND mainspring.waits_problem(l.list) IS NOT NULL ORDER BY l.ord LIMIT 1;
$$;
