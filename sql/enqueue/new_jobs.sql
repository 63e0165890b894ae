-- Returns new jobs from one array a field, for programs that send columns. A NULL element, or a NULL array, means the default.
-- The flags of a job come as the text of a JSON array of labels. In PL/pgSQL, which plans the query once a session.
CREATE OR REPLACE FUNCTION mainspring.new_jobs(
    tasks text[], payloads text[] DEFAULT NULL, queues text[] DEFAULT NULL,
    run_ats timestamptz[] DEFAULT NULL, priorities integer[] DEFAULT NULL,
    attempt_limits integer[] DEFAULT NULL, keys text[] DEFAULT NULL, key_modes text[] DEFAULT NULL,
    flag_sets text[] DEFAULT NULL)
RETURNS mainspring.new_job[]
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN ARRAY(
        SELECT ROW(s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.key, s.key_mode,
            CASE WHEN s.flags IS NOT NULL THEN mainspring.labels_of(s.flags) END)::mainspring.new_job
        FROM unnest(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes, flag_sets)
            AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags));
END $$;
