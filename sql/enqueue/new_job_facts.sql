-- Returns what `enqueue_jobs` needs to know of its jobs, in one pass over them.
--
-- - `has_suspects`: whether `jobs_problem` must look closer.
-- - The others are for the notification. `is_soon`: a job is due before the next slow poll.
CREATE OR REPLACE FUNCTION mainspring.new_job_facts(
    jobs mainspring.new_job[], moment timestamptz, OUT has_suspects boolean, OUT has_keys boolean, OUT has_flags boolean,
    OUT is_soon boolean, OUT least_priority integer, OUT first_run_at timestamptz, OUT queues text[])
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    soon CONSTANT timestamptz := moment + interval '20 seconds';
BEGIN
    SELECT coalesce(bool_or(mainspring.is_suspect_job(s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.key,
            s.key_mode, s.flags) OR s.version < 0), false),
        coalesce(bool_or(s.key IS NOT NULL), false), coalesce(bool_or(s.flags IS NOT NULL), false),
        coalesce(bool_or(s.run_at > moment AND s.run_at < soon), false),
        min(coalesce(s.priority, mainspring.default_priority())), min(coalesce(s.run_at, moment)), array_agg(s.queue)
    INTO has_suspects, has_keys, has_flags, is_soon, least_priority, first_run_at, queues
    FROM unnest(jobs) AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version);
END $$;
