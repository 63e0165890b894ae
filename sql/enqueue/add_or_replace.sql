-- Adds a job, or puts it in the place of the waiting one that has its key, for `enqueue_one`. Returns NULL if the job of the key
-- is running, or is a batch whose entries are of another version: entries of two versions cannot be in one payload. A batch that
-- grows while it waits for its next attempt keeps its attempts and deaths.
CREATE OR REPLACE FUNCTION mainspring.add_or_replace(new_id bigint, job mainspring.new_job, moment timestamptz)
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
    SET task = excluded.task, queue = excluded.queue, priority = excluded.priority, flags = excluded.flags,
        trace_context = excluded.trace_context, version = excluded.version,
        payload = CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload)
            THEN old.payload || excluded.payload ELSE excluded.payload END,
        attempts = CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload) THEN old.attempts ELSE 0 END,
        deaths = CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload) THEN old.deaths ELSE 0 END,
        max_attempts = greatest(excluded.max_attempts,
            CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload) THEN old.attempts + 1 END),
        last_error = CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload) THEN old.last_error END,
        errors = CASE WHEN mainspring.is_batch_of(old, excluded.task, excluded.payload) THEN old.errors END,
        run_at = mainspring.run_at_after(old, excluded, job.key_mode, moment),
        state = CASE WHEN old.state = 'waiting' OR mainspring.keeps_turn(old, excluded, moment) THEN old.state ELSE mainspring.waiting_state(
            excluded.queue, mainspring.run_at_after(old, excluded, job.key_mode, moment), moment) END,
        turn_at = CASE WHEN mainspring.keeps_turn(old, excluded, moment) THEN old.turn_at END,
        progress = NULL, progress_note = NULL, snoozes = 0,
        revision = old.revision + 1, updated_at = moment
    WHERE old.state <> 'running' AND (old.version IS NOT DISTINCT FROM excluded.version
        OR NOT mainspring.is_batch_of(old, excluded.task, excluded.payload))
    RETURNING * INTO stored;
    RETURN stored;
END $$;
