-- Returns whether a queue's job that was admitted stays so after a new one has taken its place. It does if the new job is due, and
-- a claim reads it at the same place.
CREATE OR REPLACE FUNCTION mainspring.keeps_turn(old mainspring.jobs, new mainspring.jobs, moment timestamptz)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN old.state = 'ready' AND old.queue = new.queue AND new.run_at <= moment AND old.task = new.task
    AND old.priority = new.priority AND old.flags IS NOT DISTINCT FROM new.flags;
