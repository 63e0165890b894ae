-- Returns what is wrong with the form of a description for `add_workflow`, in words for a person, or NULL.
CREATE OR REPLACE FUNCTION mainspring.workflow_spec_problem(spec jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN jsonb_typeof(spec) IS DISTINCT FROM 'object' THEN format('spec must be an object, got %s', coalesce(jsonb_typeof(spec), 'NULL'))
    WHEN jsonb_typeof(coalesce(spec -> 'jobs', '[]')) NOT IN ('array', 'null')
    THEN format('jobs must be an array of objects, got %s', jsonb_typeof(spec -> 'jobs'))
    ELSE coalesce((
        SELECT format('spec must have the names name, jobs, callback, on_failure, properties, workflow and of_job, got %s', quote_literal(f.key))
        FROM jsonb_object_keys(spec) AS f(key)
        WHERE f.key NOT IN ('name', 'jobs', 'callback', 'on_failure', 'properties', 'workflow', 'of_job') ORDER BY f.key LIMIT 1
    ), (
        SELECT format('job %s of %s: ', s.ord, jsonb_array_length(spec -> 'jobs')) || p.problem
        FROM jsonb_array_elements(CASE jsonb_typeof(spec -> 'jobs') WHEN 'array' THEN spec -> 'jobs' ELSE '[]' END)
            WITH ORDINALITY AS s(value, ord)
        CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(s.value) WHEN 'object' THEN mainspring.spec_problem(s.value - 'name')
            ELSE mainspring.spec_problem(s.value) END) AS p(problem)
        WHERE p.problem IS NOT NULL ORDER BY s.ord LIMIT 1
    ), CASE WHEN coalesce(spec -> 'callback', 'null') <> 'null'
        THEN regexp_replace(mainspring.spec_problem(spec -> 'callback'), '^specs', 'callback') END)
END;
