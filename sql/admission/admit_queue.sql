-- Admits the best parked jobs of one queue, for `admit`, which explains the result. `round_at` is where the round of the priority
-- `round_of` begins. The first queue of that priority finds it, and the next ones take it over.
CREATE OR REPLACE FUNCTION mainspring.admit_queue(
    queue_name text, seen_at tid, parked_priority smallint, parked_run_at timestamptz, known text[], from_priority smallint,
    from_turn timestamptz, INOUT round_of smallint, INOUT round_at timestamptz, OUT result mainspring.admission)
LANGUAGE plpgsql
AS $$
DECLARE
    found record := mainspring.lock_queue(queue_name, seen_at);
    gate mainspring.queues := found.gate;
    moment timestamptz := mainspring.now();
    space mainspring.queue_space;
    best smallint;
BEGIN
    -- Without a row and a parked job there is no queue.
    result := ROW(queue_name, 0, found.locked, NULL, NULL, NULL, NULL, NULL, NULL, found.row_at IS NULL AND NOT found.locked,
        found.row_at, NULL);
    IF found.row_at IS NULL OR gate.paused THEN
        RETURN;
    END IF;
    space := mainspring.space_in(gate, moment);
    IF space.room = 0 AND space.token_in IS NULL THEN
        RETURN;
    END IF;
    SELECT p.priority INTO best FROM mainspring.jobs AS p
    WHERE p.state = 'parked' AND p.queue = queue_name AND (p.priority, p.run_at) >= (parked_priority, parked_run_at)
    ORDER BY p.priority, p.run_at, p.id LIMIT 1;
    result.scanned := best IS NULL OR space.room > 0;
    IF best IS NOT NULL AND space.room > 0 THEN
        IF round_of IS DISTINCT FROM best THEN
            round_of := best;
            round_at := mainspring.round_begins(best, known, from_priority, from_turn, moment);
        END IF;
        result := mainspring.take_parked(result, gate, space, parked_priority, parked_run_at, round_at, moment);
    END IF;
    IF best IS NOT NULL AND result.admitted = space.room THEN
        result.token_in := space.token_in;
    END IF;
END $$;
