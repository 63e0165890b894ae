-- Returns the jobs with their defaults, and their places counted from 1. It has no volatile function, so PostgreSQL puts its
-- body in place of each call.
CREATE OR REPLACE FUNCTION mainspring.job_rows(jobs mainspring.new_job[], moment timestamptz)
RETURNS TABLE (ord bigint, job mainspring.new_job)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.ord, ROW(s.task, coalesce(s.payload, '{}'), s.queue, coalesce(s.run_at, moment),
        coalesce(s.priority, mainspring.default_priority()), coalesce(s.max_attempts, mainspring.default_max_attempts()),
        s.key, s.key_mode, CASE WHEN s.flags IS NOT NULL THEN mainspring.sorted_flags(s.flags) END,
        CASE WHEN s.trace_context IS NOT NULL THEN mainspring.trace_context_of(s.trace_context) END,
        nullif(s.version, 0))::mainspring.new_job
    FROM unnest(jobs) WITH ORDINALITY
        AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version, ord);
END;
