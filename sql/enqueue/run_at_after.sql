-- Returns when a waiting job runs after a new one has taken its place.
--
-- - With `preserve_run_at` it keeps its time, unless it has been tried.
-- - A batch that grows while it waits for its next attempt keeps its time, so that its back-off is not cut short.
-- - A job that is due keeps its place if the new one is due too: a busy queue cannot postpone it for ever.
CREATE OR REPLACE FUNCTION mainspring.run_at_after(
    old mainspring.jobs, new mainspring.jobs, key_mode text, moment timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN old.attempts = 0 AND key_mode = 'preserve_run_at' THEN old.run_at
    WHEN old.attempts > 0 AND mainspring.is_batch_of(old, new.task, new.payload) THEN old.run_at
    WHEN old.run_at <= moment AND new.run_at <= moment THEN least(old.run_at, new.run_at)
    ELSE new.run_at
END;
