-- Adds a job unless a living one has its key, for `enqueue_one`. Returns the new job, or the one that it found. A waiting job that
-- was found is as it was, but for its revision.
CREATE OR REPLACE FUNCTION mainspring.add_or_find(new_id bigint, job mainspring.new_job, moment timestamptz)
RETURNS mainspring.jobs
LANGUAGE plpgsql
AS $$
DECLARE
    stored mainspring.jobs;
BEGIN
    INSERT INTO mainspring.jobs AS old
        (id, task, payload, queue, run_at, priority, max_attempts, key, flags, trace_context, version, state)
    VALUES (new_id, job.task, job.payload::jsonb, job.queue, job.run_at, job.priority, job.max_attempts, job.key, job.flags,
        job.trace_context, job.version, mainspring.waiting_state(job.queue, job.run_at, moment))
    ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO UPDATE
    SET revision = old.revision + CASE WHEN old.state = 'running' THEN 0 ELSE 1 END, updated_at = moment
    RETURNING * INTO stored;
    RETURN stored;
END $$;
