-- Makes the best parked jobs of a queue ready, as many as it has space for, and records that in its row. Adds what it did to
-- `result`. No job is parked before the priority and time given.
CREATE OR REPLACE FUNCTION mainspring.take_parked(
    INOUT result mainspring.admission, gate mainspring.queues, space mainspring.queue_space, parked_priority smallint,
    parked_run_at timestamptz, round_at timestamptz, moment timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
    step CONSTANT interval := '10 milliseconds';
    -- Behind its own jobs that still wait; else what the queue had before counts for one round at most.
    first_turn CONSTANT timestamptz := greatest(round_at, CASE WHEN space.waiting > 0 THEN gate.last_turn + step
        ELSE least(coalesce(gate.last_turn + step, round_at), round_at + step) END);
    latest timestamptz;
BEGIN
    WITH picked AS (
        SELECT p.id, row_number() OVER (ORDER BY p.priority, p.run_at, p.id) AS place FROM (
            SELECT p.id, p.priority, p.run_at FROM mainspring.jobs AS p
            WHERE p.state = 'parked' AND p.queue = gate.name AND (p.priority, p.run_at) >= (parked_priority, parked_run_at)
            ORDER BY p.priority, p.run_at, p.id LIMIT space.room FOR UPDATE SKIP LOCKED) AS p),
    chosen AS (
        UPDATE mainspring.jobs AS j
        SET state = 'ready', turn_at = first_turn + (picked.place - 1) * step, slot = space.highest_slot + picked.place,
            updated_at = moment
        FROM picked WHERE j.id = picked.id
        RETURNING j.priority, j.turn_at, j.task, j.flags, j.run_at, j.version, picked.place)
    SELECT count(*), min(c.priority), min(c.turn_at), max(c.turn_at), array_agg(DISTINCT coalesce(c.task, '')),
        bool_or(c.flags IS NOT NULL), min(c.run_at) FILTER (WHERE c.place = 1), max(c.version)
    INTO result.admitted, result.least_priority, result.oldest, latest, result.tasks, result.flagged, result.first_run_at, result.newest
    FROM chosen AS c;
    IF result.admitted > 0 THEN
        UPDATE mainspring.queues AS q SET last_turn = latest, last_slot = space.highest_slot + result.admitted,
            first_slot = coalesce(space.lowest_slot, space.highest_slot + 1), tokens = space.tokens - result.admitted,
            tokens_at = CASE WHEN gate.rate_limit IS NOT NULL THEN mainspring.tokens_taken_at(gate.tokens_at, moment) END
        WHERE q.ctid = result.row_at RETURNING q.ctid INTO result.row_at;
    END IF;
END $$;
