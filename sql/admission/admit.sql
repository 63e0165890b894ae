-- Admits the best parked jobs of each named queue, as many as it has room and tokens for, and answers a row for
-- each queue: how many, the smallest priority, first turn and the tasks among them, and whether any
-- has flags; `busy` when another
-- session held the queue's row, in which case the caller asks again shortly; and in how many milliseconds the next token
-- comes that a parked job waits for. Never waits for a row.
--
-- Turns make admission fair. The jobs of one queue get turns that are 10 ms apart, beginning with the first turn that
-- any job of the tasks `known` waits for, or one after it when this queue has had that one. So a queue's next job comes after at most
-- one job of each other queue, whatever stands behind those. `from_priority` and `from_turn` say where ready jobs begin.
--
-- Nothing is read again that is over, though its dead rows stay for as long as anyone holds an old snapshot. Slots are numbered
-- under the queue's lock, so the least number that was not done at the last admission is where counting begins, exactly.
-- Parked jobs come without a lock: for each queue the caller may say before which priority and `run_at` it knows of none,
-- in `parked_priorities` and `parked_run_ats`, and is answered the `run_at` of the first job admitted, `first_run_at`, and
-- whether anything can be concluded: `looked` is false where the queue was busy or paused or had no room or no token. A queue's
-- row changes with each admission: the caller may say where it was last seen, in `rows_at`, and is answered where it is, `row_at`.
CREATE OR REPLACE FUNCTION mainspring.admit(
    names text[], known text[] DEFAULT NULL, from_priority smallint DEFAULT NULL, from_turn timestamptz DEFAULT NULL,
    parked_priorities smallint[] DEFAULT NULL, parked_run_ats timestamptz[] DEFAULT NULL, rows_at tid[] DEFAULT NULL)
RETURNS TABLE (queue_name text, admitted integer, busy boolean, least_priority smallint, oldest timestamptz,
    tasks text[], flagged boolean, token_in bigint, first_run_at timestamptz, looked boolean, row_at tid)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    step CONSTANT interval := '10 milliseconds';
    moment timestamptz;
    gate mainspring.queues;
    room bigint;
    waiting bigint;
    bucket double precision;
    best smallint;
    round_of smallint;
    round_at timestamptz;
    first_turn timestamptz;
    latest timestamptz;
    highest_slot bigint;
    lowest_slot bigint;
    parked_priority smallint;
    parked_run_at timestamptz;
BEGIN
    FOR queue_name, parked_priority, parked_run_at, row_at IN
        SELECT DISTINCT ON (n) n, coalesce(p, mainspring.first_priority()), coalesce(r, '-infinity'), t
        FROM unnest(names, parked_priorities, parked_run_ats, rows_at) AS u(n, p, r, t) WHERE n IS NOT NULL ORDER BY n, 2, 3
    LOOP
        IF row_at IS NOT NULL THEN
            SELECT q.ctid INTO row_at FROM mainspring.queues AS q WHERE q.ctid = row_at AND q.name = queue_name
            FOR UPDATE SKIP LOCKED;
        END IF;
        -- By name every dead version of the row is passed.
        IF row_at IS NULL THEN
            SELECT q.ctid INTO row_at FROM mainspring.queues AS q WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
        END IF;
        IF row_at IS NULL AND mainspring.make_queue(queue_name) THEN
            SELECT q.ctid INTO row_at FROM mainspring.queues AS q WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
        END IF;
        busy := row_at IS NULL;
        SELECT * INTO gate FROM mainspring.queues AS q WHERE q.ctid = row_at;
        admitted := 0;
        least_priority := NULL;
        oldest := NULL;
        tasks := NULL;
        flagged := NULL;
        token_in := NULL;
        first_run_at := NULL;
        looked := false;
        best := NULL;
        room := NULL;
        IF NOT busy AND NOT gate.paused THEN
            SELECT gate.concurrency - count(*), count(*) FILTER (WHERE j.state = 'ready'),
                greatest(gate.last_slot, max(j.slot)), min(j.slot)
            INTO room, waiting, highest_slot, lowest_slot
            FROM mainspring.jobs AS j
            WHERE j.queue = queue_name AND j.queue IS NOT NULL AND j.state IN ('ready', 'running')
                AND mainspring.slot_or_last(j.slot) >= gate.first_slot;
            IF room > 0 THEN
                SELECT p.priority INTO best FROM mainspring.jobs AS p
                WHERE p.state = 'parked' AND p.queue = queue_name
                    AND (p.priority, p.run_at) >= (parked_priority, parked_run_at)
                ORDER BY p.priority, p.run_at, p.id LIMIT 1;
                looked := best IS NULL;
            END IF;
        END IF;
        IF room > 0 THEN
            moment := mainspring.now();
            IF gate.rate_limit IS NOT NULL THEN
                bucket := mainspring.tokens_at(gate, moment);
                IF floor(bucket) < room THEN
                    -- Of the token behind those that are used up now.
                    token_in := greatest(1, ceil((1 - (bucket - floor(bucket)))
                        * extract(epoch FROM gate.rate_period)::float8 * 1000 / gate.rate_limit));
                    room := floor(bucket);
                END IF;
            END IF;
            looked := looked OR room > 0;
            IF room > 0 AND best IS NOT NULL AND round_of IS DISTINCT FROM best THEN
                round_of := best;
                SELECT min(h.turn) INTO round_at FROM unnest(known) AS k(task) CROSS JOIN LATERAL (
                    SELECT coalesce(j.turn_at, j.run_at) AS turn FROM mainspring.jobs AS j
                    -- Not as a comparison of rows, which would begin at the priority's first dead entry.
                    WHERE j.state = 'ready' AND j.flags IS NULL AND j.task = k.task AND j.priority = best
                        AND coalesce(j.turn_at, j.run_at) >= CASE WHEN best > from_priority THEN '-infinity'
                            WHEN best < from_priority THEN 'infinity' ELSE coalesce(from_turn, '-infinity') END
                    ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT 1) AS h;
                round_at := coalesce(round_at, moment);
            END IF;
            -- Behind its own jobs that still wait; else what the queue had before counts for one round at most.
            first_turn := greatest(round_at, CASE WHEN waiting > 0 THEN gate.last_turn + step
                ELSE least(coalesce(gate.last_turn + step, round_at), round_at + step) END);
            WITH picked AS (
                SELECT p.id, row_number() OVER (ORDER BY p.priority, p.run_at, p.id) AS place FROM (
                    SELECT p.id, p.priority, p.run_at FROM mainspring.jobs AS p
                    WHERE p.state = 'parked' AND p.queue = queue_name
                        AND (p.priority, p.run_at) >= (parked_priority, parked_run_at)
                    ORDER BY p.priority, p.run_at, p.id LIMIT room FOR UPDATE SKIP LOCKED) AS p),
            chosen AS (
                UPDATE mainspring.jobs AS j
                SET state = 'ready', turn_at = first_turn + (picked.place - 1) * step,
                    slot = highest_slot + picked.place, updated_at = moment
                FROM picked WHERE j.id = picked.id
                RETURNING j.priority, j.turn_at, j.task, j.flags, j.run_at, picked.place)
            SELECT count(*), min(c.priority), min(c.turn_at), max(c.turn_at), array_agg(DISTINCT c.task),
                bool_or(c.flags IS NOT NULL), min(c.run_at) FILTER (WHERE c.place = 1)
            INTO admitted, least_priority, oldest, latest, tasks, flagged, first_run_at
            FROM chosen AS c;
            IF admitted < room OR best IS NULL THEN
                token_in := NULL;
            END IF;
            IF admitted > 0 THEN
                UPDATE mainspring.queues AS q SET last_turn = latest,
                    last_slot = highest_slot + admitted,
                    first_slot = coalesce(lowest_slot, highest_slot + 1),
                    tokens = CASE WHEN gate.rate_limit IS NOT NULL THEN bucket - admitted END,
                    tokens_at = CASE WHEN gate.rate_limit IS NOT NULL THEN greatest(moment, gate.tokens_at) END
                WHERE q.ctid = row_at RETURNING q.ctid INTO row_at;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
