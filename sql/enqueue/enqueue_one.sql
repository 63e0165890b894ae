-- Adds one job that has a key, by the table of key modes in docs/LIFECYCLE.md where the key is taken. The loop ends:
-- each lap either stores or returns a row, or takes the key from one job.
CREATE OR REPLACE FUNCTION mainspring.enqueue_one(new_id bigint, job mainspring.new_job, moment timestamptz)
RETURNS mainspring.jobs
LANGUAGE plpgsql
AS $$
DECLARE
    stored mainspring.jobs;
BEGIN
    IF job.key_mode = 'unsafe_dedupe' THEN
        RETURN mainspring.add_or_find(new_id, job, moment);
    END IF;
    LOOP
        stored := mainspring.add_or_replace(new_id, job, moment);
        IF stored.id IS NOT NULL THEN
            -- A batch that grows under its key has the limit of any payload.
            IF stored.revision > 0 AND jsonb_typeof(stored.payload) = 'array'
                AND octet_length(stored.payload::text) > mainspring.payload_limit()
            THEN
                PERFORM mainspring.refuse(format('payload must be at most %s bytes, got %s with what the job of the key holds',
                    mainspring.payload_limit(), octet_length(stored.payload::text)));
            END IF;
            RETURN stored;
        END IF;

        -- A running job holds the key: it loses it, and is not run again after this attempt. A batch is, with what
        -- failed of it: the new job has other entries. So does one that waits with entries of another version. The state is
        -- compared as text, so that no plan that was made while the table was small reads all running jobs by their index.
        UPDATE mainspring.jobs AS held
        SET key = NULL, updated_at = moment, superseded = NOT mainspring.is_batch_of(held, job.task, job.payload::jsonb)
        WHERE held.key = job.key AND held.key IS NOT NULL AND held.state <> 'dead' AND (held.state::text = 'running'
            OR mainspring.is_batch_of(held, job.task, job.payload::jsonb) AND held.version IS DISTINCT FROM job.version);
    END LOOP;
END $$;
