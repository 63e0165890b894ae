-- Adds the jobs that an array of objects describes, such as '[{"task": "report.publish", "key": "a"}, ..]', all or none,
-- and answers them in the order of the input as `jobs_view` shows them. A name that is left out, or a null, means the
-- default. A job that a later one replaced under its key is answered as it is afterwards.
CREATE OR REPLACE FUNCTION mainspring.add_jobs(specs jsonb)
RETURNS SETOF mainspring.jobs_view
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    problem text;
    given record;
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

    SELECT array_agg(s.spec ->> 'task' ORDER BY s.ord) AS tasks,
        array_agg(nullif(s.spec -> 'payload', 'null')::text ORDER BY s.ord) AS payloads,
        array_agg(s.spec ->> 'queue' ORDER BY s.ord) AS queues,
        array_agg(mainspring.parse_timestamp(s.spec ->> 'run_at') ORDER BY s.ord) AS run_ats,
        array_agg((s.spec ->> 'priority')::numeric::integer ORDER BY s.ord) AS priorities,
        array_agg((s.spec ->> 'max_attempts')::numeric::integer ORDER BY s.ord) AS attempt_limits,
        CASE WHEN count(s.spec ->> 'key') > 0 THEN array_agg(s.spec ->> 'key' ORDER BY s.ord) END AS keys,
        array_agg(s.spec ->> 'key_mode' ORDER BY s.ord) AS key_modes,
        array_agg(nullif(s.spec -> 'flags', 'null')::text ORDER BY s.ord) AS flag_sets
    INTO given FROM jsonb_array_elements(specs) WITH ORDINALITY AS s(spec, ord);

    -- In two statements: one that adds rows does not see them.
    added := ARRAY(SELECT e.job_id FROM mainspring.enqueue(given.tasks, given.payloads, given.queues, given.run_ats,
        given.priorities, given.attempt_limits, given.keys, given.key_modes, given.flag_sets) AS e
        ORDER BY e.ordinal, e.job_id);
    RETURN QUERY
    SELECT v.* FROM unnest(added) WITH ORDINALITY AS a(id, ord) JOIN mainspring.jobs_view AS v ON v.id = a.id
    ORDER BY a.ord;
END $$;
