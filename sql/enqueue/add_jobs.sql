-- Adds the jobs that an array of objects describes, such as '[{"task": "report.publish", "key": "a"}, ..]', all or none,
-- and returns them in the order of the input as `add_job` does. A name that is left out, or a null, means what `add_job` says of
-- NULL. The name `after` is an array of what the job waits for, see `waits_problem`. Warns of tasks that no living worker knows. A job
-- that a later one replaced under its key is returned as it is afterwards.
CREATE OR REPLACE FUNCTION mainspring.add_jobs(specs jsonb)
RETURNS SETOF mainspring.jobs_view
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    problem text;
    jobs mainspring.new_job[];
    added bigint[];
BEGIN
    IF specs IS NULL OR jsonb_typeof(specs) <> 'array' THEN
        problem := format('specs must be an array of objects, got %s', coalesce(jsonb_typeof(specs), 'NULL'));
    ELSE
        SELECT format('job %s of %s: ', s.ord, jsonb_array_length(specs)) || mainspring.spec_problem(s.spec) INTO problem
        FROM jsonb_array_elements(specs) WITH ORDINALITY AS s(spec, ord)
        WHERE mainspring.spec_problem(s.spec) IS NOT NULL ORDER BY s.ord LIMIT 1;
    END IF;
    PERFORM mainspring.refuse(problem);

    jobs := ARRAY(SELECT mainspring.described_job(s.spec)
        FROM jsonb_array_elements(specs) WITH ORDINALITY AS s(spec, ord) ORDER BY s.ord);
    -- In two statements: one that adds rows does not see them.
    IF jsonb_path_exists(specs, '$[*].after ? (@ != null)') THEN
        added := ARRAY(SELECT e.job_id FROM mainspring.enqueue_waiting(mainspring.with_task_options(jobs), ARRAY(
            SELECT nullif(s.spec -> 'after', 'null') FROM jsonb_array_elements(specs) WITH ORDINALITY AS s(spec, ord) ORDER BY s.ord)) AS e ORDER BY e.ordinal);
    ELSE
        added := ARRAY(SELECT e.job_id FROM mainspring.enqueue_jobs(mainspring.with_task_options(jobs)) AS e
            ORDER BY e.ordinal, e.job_id);
    END IF;
    PERFORM mainspring.warn_now_and_then(ARRAY(SELECT DISTINCT j.task FROM unnest(jobs) AS j));
    RETURN QUERY
    SELECT j.* FROM unnest(added) WITH ORDINALITY AS a(id, ord)
    CROSS JOIN LATERAL mainspring.added_job(a.id, jobs[a.ord]) AS j ORDER BY a.ord;
END $$;
