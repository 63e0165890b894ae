-- Returns what is wrong with the first bad job of `enqueue_jobs`, or NULL. Of several jobs it names the place, counted from 1.
CREATE OR REPLACE FUNCTION mainspring.jobs_problem(jobs mainspring.new_job[])
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    found text;
BEGIN
    SELECT mainspring.placed_problem(p.problem, s.ord, cardinality(jobs)) INTO found
    FROM unnest(jobs) WITH ORDINALITY
        AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version, ord)
    CROSS JOIN LATERAL (SELECT coalesce(
        mainspring.validate_job(s.task, s.queue, s.run_at, s.priority, s.max_attempts, s.key, s.key_mode),
        CASE WHEN s.version < 0 THEN format('version must be 0 or more, got %s', s.version) END, mainspring.flags_problem(s.flags), mainspring.payload_problem(s.payload, (SELECT mainspring.payload_limit())))
        AS problem) AS p
    WHERE p.problem IS NOT NULL
    ORDER BY s.ord LIMIT 1;
    RETURN found;
END $$;
