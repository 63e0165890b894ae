-- Returns what is wrong with a workflow of that many jobs, apart from the jobs and from what they wait for, or NULL.
CREATE OR REPLACE FUNCTION mainspring.workflow_problem(flow jsonb, jobs bigint)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN coalesce(flow -> 'workflow', 'null') <> 'null' AND NOT mainspring.is_job_id(flow -> 'workflow')
    THEN format('workflow must be the id of a workflow, got %s', left(flow ->> 'workflow', 40))
    WHEN coalesce(flow -> 'of_job', 'null') <> 'null' AND NOT mainspring.is_job_id(flow -> 'of_job')
    THEN format('of_job must be the id of a job, got %s', left(flow ->> 'of_job', 40))
    WHEN (flow ->> 'workflow' IS NOT NULL)::integer + (flow ->> 'of_job' IS NOT NULL)::integer
        + (coalesce(flow -> 'name', 'null') <> 'null')::integer <> 1
    THEN 'name must be given, or the workflow to add to, or one of its jobs, got none or several'
    WHEN coalesce(flow -> 'name', 'null') <> 'null' AND jsonb_typeof(flow -> 'name') <> 'string'
    THEN format('name must be a string, got %s', jsonb_typeof(flow -> 'name'))
    WHEN char_length(flow ->> 'name') NOT BETWEEN 1 AND 128
    THEN format('name must be 1 to 128 characters, got %s', char_length(flow ->> 'name'))
    WHEN flow ->> 'name' IS NULL AND ((flow -> 'callback') = 'true' OR coalesce(flow -> 'properties', 'null') <> 'null')
    THEN 'workflow must keep its callback and its properties, got others'
    WHEN coalesce(flow -> 'on_failure', 'null') NOT IN ('null', '"hold"', '"cancel"', '"run"')
    THEN format('on_failure must be hold, cancel or run, got %s', left(flow ->> 'on_failure', 40))
    WHEN coalesce(flow ->> 'on_failure', '') <> '' AND (flow -> 'callback') <> 'true'
    THEN 'on_failure must come with a callback, got none'
    WHEN coalesce(jobs, 0) = 0 THEN 'jobs must be at least one, got none'
    WHEN jobs > 10000 + ((flow -> 'callback') = 'true')::integer THEN format('jobs must be at most 10000 a call, got %s', jobs)
    ELSE coalesce(regexp_replace(mainspring.payload_problem((flow -> 'properties')::text, mainspring.payload_limit()), '^payload', 'properties'), (
        SELECT mainspring.placed_problem(CASE WHEN jsonb_typeof(n.name) <> 'string'
            THEN format('name must be a string, got %s', jsonb_typeof(n.name))
            WHEN char_length(n.name #>> '{}') NOT BETWEEN 1 AND 128
            THEN format('name must be 1 to 128 characters, got %s', char_length(n.name #>> '{}'))
            ELSE format('name must be that of one job alone, got %s', quote_literal(n.name #>> '{}')) END, n.ord, jobs)
        FROM (SELECT e.value AS name, e.ord, count(*) OVER (PARTITION BY e.value ORDER BY e.ord) AS nth
            FROM jsonb_array_elements(flow -> 'names') WITH ORDINALITY AS e(value, ord)) AS n
        WHERE n.name <> 'null' AND (n.nth > 1 OR jsonb_typeof(n.name) <> 'string' OR char_length(n.name #>> '{}') NOT BETWEEN 1 AND 128)
        ORDER BY n.ord LIMIT 1))
END;
