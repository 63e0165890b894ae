-- Adds jobs that belong together, all or none, and returns their ids in the order of the input:
-- '{"name": "order 17", "jobs": [{"name": "charge", "task": "order.charge"}, {"name": "ship", "task": "order.ship", "after": ["charge"]}]}'.
--
-- - A job is described as for `add_jobs`. Its `name` is optional. Its `after` may also have names of jobs of the workflow, and
--   `{"name": "charge", "on_failure": "run"}`.
-- - `callback` is a job that waits for all others. What becomes of it if one fails is in `on_failure`. It comes last, without a name.
-- - `workflow`, the id of one that has not finished, or `of_job`, the id of one of its jobs, adds to that instead of a `name`.
-- - `properties` is any JSON, up to the size of a payload.
CREATE OR REPLACE FUNCTION mainspring.add_workflow(spec jsonb)
RETURNS TABLE (workflow bigint, name text, job_id bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    specs jsonb[];
    names jsonb;
    jobs mainspring.new_job[];
BEGIN
    PERFORM mainspring.refuse(mainspring.workflow_spec_problem(spec));
    specs := ARRAY(SELECT s.value FROM jsonb_array_elements(coalesce(nullif(spec -> 'jobs', 'null'), '[]'))
        WITH ORDINALITY AS s(value, ord) ORDER BY s.ord) || nullif(spec -> 'callback', 'null');
    specs := array_remove(specs, NULL);
    names := to_jsonb(ARRAY(SELECT s.value -> 'name' FROM unnest(specs) WITH ORDINALITY AS s(value, ord) ORDER BY s.ord));
    jobs := ARRAY(SELECT mainspring.described_job(s.value) FROM unnest(specs) WITH ORDINALITY AS s(value, ord) ORDER BY s.ord);
    RETURN QUERY
    SELECT e.flow_id, names ->> (e.ordinal - 1)::integer, e.job_id
    FROM mainspring.enqueue_workflow(mainspring.with_task_options(jobs), jsonb_build_object(
        'name', spec -> 'name', 'workflow', spec -> 'workflow', 'of_job', spec -> 'of_job', 'properties', spec -> 'properties',
        'on_failure', spec -> 'on_failure', 'callback', coalesce(spec -> 'callback', 'null') <> 'null', 'names', names,
        'after', to_jsonb(ARRAY(SELECT s.value -> 'after' FROM unnest(specs) WITH ORDINALITY AS s(value, ord) ORDER BY s.ord)))) AS e
    ORDER BY e.ordinal;
    PERFORM mainspring.warn_now_and_then(ARRAY(SELECT DISTINCT j.task FROM unnest(jobs) AS j));
END $$;
