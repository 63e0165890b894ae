-- Adds jobs, one for each element of the arrays, as `enqueue_jobs` does. A NULL element, or a NULL array, means
-- what the task has published, and else the default. Flags come as the text of a JSON array of labels.
CREATE OR REPLACE FUNCTION mainspring.enqueue(
    tasks text[], payloads text[] DEFAULT NULL, queues text[] DEFAULT NULL,
    run_ats timestamptz[] DEFAULT NULL, priorities integer[] DEFAULT NULL,
    attempt_limits integer[] DEFAULT NULL, keys text[] DEFAULT NULL, key_modes text[] DEFAULT NULL,
    flag_sets text[] DEFAULT NULL, notify boolean DEFAULT true, trace_contexts text[] DEFAULT NULL,
    versions integer[] DEFAULT NULL)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT e.* FROM mainspring.enqueue_jobs(mainspring.with_task_options(ARRAY(
        SELECT ROW(s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.key, s.key_mode,
            CASE WHEN s.flags IS NOT NULL THEN mainspring.labels_of(s.flags) END,
            coalesce(s.trace_context, mainspring.session_trace_context()), s.version)::mainspring.new_job
        FROM unnest(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes, flag_sets,
            trace_contexts, versions) AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags,
            trace_context, version))), notify) AS e;
END $$;
