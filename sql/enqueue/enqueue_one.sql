-- Adds one job, as the table of key modes in docs/LIFECYCLE.md says when its key is taken. The loop ends:
-- each lap either stores or returns a row, or takes the key from one running job.
CREATE OR REPLACE FUNCTION mainspring.enqueue_one(
    new_id bigint, new_task text, new_payload jsonb, new_queue text, new_run_at timestamptz,
    new_priority smallint, new_max_attempts smallint, new_key text, key_mode text, new_flags text[])
RETURNS mainspring.jobs
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    moment timestamptz := mainspring.now();
    dedupe boolean := coalesce(key_mode = 'unsafe_dedupe', false);
    keep_run_at boolean := coalesce(key_mode = 'preserve_run_at', false);
    stored mainspring.jobs;
BEGIN
    LOOP
        INSERT INTO mainspring.jobs AS old
            (id, task, payload, queue, run_at, priority, max_attempts, key, flags, state)
        VALUES (new_id, new_task, new_payload, new_queue, new_run_at, new_priority, new_max_attempts,
            new_key, new_flags, mainspring.waiting_state(new_queue, new_run_at, moment))
        ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO UPDATE
            SET task = CASE WHEN dedupe THEN old.task ELSE excluded.task END,
                payload = CASE
                    WHEN dedupe THEN old.payload
                    WHEN jsonb_typeof(old.payload) = 'array' AND jsonb_typeof(excluded.payload) = 'array'
                    THEN old.payload || excluded.payload ELSE excluded.payload END,
                queue = CASE WHEN dedupe THEN old.queue ELSE excluded.queue END,
                priority = CASE WHEN dedupe THEN old.priority ELSE excluded.priority END,
                max_attempts = CASE WHEN dedupe THEN old.max_attempts ELSE excluded.max_attempts END,
                flags = CASE WHEN dedupe THEN old.flags ELSE excluded.flags END,
                run_at = CASE WHEN dedupe OR (keep_run_at AND old.attempts = 0)
                    THEN old.run_at ELSE excluded.run_at END,
                state = CASE WHEN dedupe THEN old.state ELSE mainspring.waiting_state(excluded.queue,
                    CASE WHEN keep_run_at AND old.attempts = 0
                        THEN old.run_at ELSE excluded.run_at END, moment) END,
                turn_at = CASE WHEN dedupe THEN old.turn_at END,
                attempts = CASE WHEN dedupe THEN old.attempts ELSE 0 END,
                last_error = CASE WHEN dedupe THEN old.last_error END,
                progress = CASE WHEN dedupe THEN old.progress END,
                progress_note = CASE WHEN dedupe THEN old.progress_note END,
                revision = old.revision + CASE WHEN old.state = 'running' THEN 0 ELSE 1 END,
                updated_at = moment
            WHERE dedupe OR old.state <> 'running'
        RETURNING * INTO stored;
        IF FOUND THEN
            -- A batch that grows under its key has the limit of any payload.
            IF stored.revision > 0 AND NOT dedupe AND jsonb_typeof(stored.payload) = 'array'
                AND octet_length(stored.payload::text) > mainspring.payload_limit()
            THEN
                PERFORM mainspring.refuse(format('payload must be at most %s bytes, got %s with what the job of the key holds',
                        mainspring.payload_limit(), octet_length(stored.payload::text)));
            END IF;
            RETURN stored;
        END IF;

        -- A running job holds the key: it loses it, and is not run again after this attempt. A batch is, with what
        -- failed of it: the new job has other entries.
        UPDATE mainspring.jobs AS held
        SET key = NULL, updated_at = moment,
            superseded = NOT (jsonb_typeof(held.payload) = 'array' AND jsonb_typeof(new_payload) = 'array')
        WHERE held.key = new_key AND held.state = 'running';
    END LOOP;
END $$;
