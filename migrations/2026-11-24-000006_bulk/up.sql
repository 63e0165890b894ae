-- Many jobs in one call from SQL, each described by an object with the names of add_job's arguments.
--
-- Every statement creates something new, so none of them blocks a live table.

-- A moment from its text, or the error that names the field.
CREATE FUNCTION mainspring.moment_of(written text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN written::timestamptz;
EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
        MESSAGE = format('run_at must be a moment, such as 2027-01-01T09:00:00Z, got %s', quote_literal(written));
END $$;

-- What is wrong with the form of one description, as a person is told, or NULL. Whether the values keep their limits is
-- judged where single jobs are judged.
CREATE FUNCTION mainspring.spec_problem(spec jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN jsonb_typeof(spec) <> 'object' THEN format('expected an object, got %s', jsonb_typeof(spec))
    ELSE (
        SELECT CASE
            WHEN f.key NOT IN ('task', 'payload', 'queue', 'run_at', 'max_attempts', 'key', 'priority', 'flags', 'key_mode')
            THEN format('the names are task, payload, queue, run_at, max_attempts, key, priority, flags and key_mode, got %s',
                quote_literal(f.key))
            WHEN f.key IN ('priority', 'max_attempts')
            THEN format('%s must be a whole number, got %s', f.key, left(f.value::text, 40))
            WHEN f.key = 'flags' THEN format('flags must be an array of strings, got %s', left(f.value::text, 40))
            ELSE format('%s must be a string, got %s', f.key, left(f.value::text, 40)) END
        FROM jsonb_each(spec) AS f
        WHERE CASE
            WHEN f.key = 'payload' OR f.value = 'null' THEN false
            WHEN f.key IN ('task', 'queue', 'run_at', 'key', 'key_mode') THEN jsonb_typeof(f.value) <> 'string'
            -- Bounds that an integer of SQL can hold; what a job may have is judged later.
            WHEN f.key IN ('priority', 'max_attempts') THEN jsonb_typeof(f.value) <> 'number'
                OR (f.value::numeric <> trunc(f.value::numeric)) OR abs(f.value::numeric) > 2147483647
            WHEN f.key = 'flags' THEN jsonb_typeof(f.value) <> 'array'
                OR jsonb_path_exists(f.value, '$[*] ? (@.type() != "string")')
            ELSE true END
        ORDER BY f.key LIMIT 1)
END;

-- Adds the jobs that an array of objects describes, such as '[{"task": "report.publish", "key": "a"}, ..]', all or none,
-- and answers them in the order of the input as `jobs_view` shows them. A name that is left out, or a null, means the
-- default. A job that a later one replaced under its key is answered as it is afterwards.
CREATE FUNCTION mainspring.add_jobs(specs jsonb)
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
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;

    SELECT array_agg(s.spec ->> 'task' ORDER BY s.ord) AS tasks,
        array_agg(nullif(s.spec -> 'payload', 'null')::text ORDER BY s.ord) AS payloads,
        array_agg(s.spec ->> 'queue' ORDER BY s.ord) AS queues,
        array_agg(mainspring.moment_of(s.spec ->> 'run_at') ORDER BY s.ord) AS run_ats,
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
