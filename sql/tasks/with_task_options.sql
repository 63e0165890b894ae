-- Returns the jobs with the options that their tasks have published, where the jobs give none. `typed` marks those whose caller
-- has the type of their task: these stay as they are. NULL marks none.
--
-- A job keeps what it gives. What neither it nor its task gives is NULL, the default of the database. A payload without a version
-- is of the published one. A payload that lacks a sealed value is refused: only the type of the task can seal it.
CREATE OR REPLACE FUNCTION mainspring.with_task_options(jobs mainspring.new_job[], typed boolean[] DEFAULT NULL)
RETURNS mainspring.new_job[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mainspring.tasks AS t
        WHERE t.queue IS NOT NULL OR t.priority IS NOT NULL OR t.max_attempts IS NOT NULL OR t.newest > 0 OR t.accepts ? 'sealed')
    THEN
        RETURN jobs;
    END IF;
    -- Its statement is planned at each call.
    IF EXISTS (SELECT FROM mainspring.tasks AS t
        WHERE t.accepts ? 'sealed' AND t.name = ANY (ARRAY(SELECT j.task FROM unnest(jobs) AS j)))
    THEN
        PERFORM mainspring.refuse(mainspring.unsealed_problem(jobs, typed));
    END IF;
    RETURN ARRAY(
        SELECT ROW(s.task, s.payload, coalesce(s.queue, t.queue), s.run_at, coalesce(s.priority, t.priority),
            coalesce(s.max_attempts, t.max_attempts), s.key, s.key_mode, s.flags, s.trace_context,
            coalesce(s.version, t.version))::mainspring.new_job
        FROM unnest(jobs) WITH ORDINALITY
            AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version, ord)
        LEFT JOIN mainspring.tasks AS t ON t.name = s.task AND typed[s.ord] IS NOT TRUE
            AND (t.queue IS NOT NULL OR t.priority IS NOT NULL OR t.max_attempts IS NOT NULL OR t.newest > 0)
        ORDER BY s.ord);
END $$;
