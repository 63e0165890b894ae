-- Locks a queue's row for its admission, and returns it with its place. `seen_at` is where the caller last saw it. Returns neither
-- where another session has it `locked`, or where the queue has no row and no parked job.
CREATE OR REPLACE FUNCTION mainspring.lock_queue(
    queue_name text, seen_at tid, OUT row_at tid, OUT gate mainspring.queues, OUT locked boolean)
LANGUAGE plpgsql
AS $$
DECLARE
    found record;
    made boolean;
BEGIN
    IF seen_at IS NOT NULL THEN
        SELECT q.ctid AS row_at, q AS gate INTO found FROM mainspring.queues AS q
        WHERE q.ctid = seen_at AND q.name = queue_name FOR UPDATE SKIP LOCKED;
        row_at := found.row_at;
    END IF;
    IF row_at IS NULL THEN
        -- By name every dead version of the row is passed.
        SELECT q.ctid AS row_at, q AS gate INTO found FROM mainspring.queues AS q
        WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
    END IF;
    IF found.row_at IS NULL THEN
        made := mainspring.make_queue(queue_name);
    END IF;
    IF made THEN
        SELECT q.ctid AS row_at, q AS gate INTO found FROM mainspring.queues AS q
        WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
    END IF;
    row_at := found.row_at;
    gate := found.gate;
    locked := row_at IS NULL AND made IS NOT NULL;
END $$;
