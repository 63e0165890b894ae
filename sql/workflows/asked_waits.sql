-- Returns what the jobs of a workflow are to wait for, a row each: the place of the job, and either the name of another one or
-- what `waits_problem` describes. The callback waits for all others.
CREATE OR REPLACE FUNCTION mainspring.asked_waits(flow jsonb, jobs bigint)
RETURNS TABLE (ord bigint, parent_name text, parent_ord bigint, on_failure text, other jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT l.ord, n.name, NULL::bigint, coalesce(CASE jsonb_typeof(e.value) WHEN 'object' THEN e.value ->> 'on_failure' END, 'hold'),
        CASE WHEN n.name IS NULL THEN e.value END
    FROM jsonb_array_elements(flow -> 'after') WITH ORDINALITY AS l(list, ord)
    CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(l.list) WHEN 'array' THEN l.list ELSE '[]' END) AS e(value)
    CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(e.value) WHEN 'string' THEN e.value #>> '{}' WHEN 'object' THEN CASE
        WHEN jsonb_typeof(e.value -> 'name') = 'string' AND e.value - ARRAY['name', 'on_failure'] = '{}'
            AND coalesce(e.value ->> 'on_failure', 'hold') IN ('hold', 'cancel', 'run') THEN e.value ->> 'name' END END) AS n(name)
    UNION ALL
    SELECT jobs, NULL, p.ord, coalesce(flow ->> 'on_failure', 'hold'), NULL
    FROM generate_series(1, jobs - 1) AS p(ord) WHERE flow -> 'callback' = 'true';
$$;
