-- Admits the best parked jobs of each named queue, as many as it has room and tokens for. Never waits for a row. Returns a
-- row for each queue:
--
-- - `admitted` jobs, their smallest priority and first turn, their tasks, and whether any has flags;
-- - `locked` if another session held the queue's row: the caller tries again shortly;
-- - `token_in`: after how many milliseconds the next token comes that a parked job waits for;
-- - `scanned`: false if the queue was locked or paused, or had no room or token, so that nothing is known of its parked jobs;
-- - `first_run_at`, of the first job admitted, and `row_at`, where the queue's row is now.
--
-- Turns make admission fair. The jobs of one queue get turns 10 ms apart. They begin with the first turn for which any job of
-- the tasks `known` waits, or one turn later if this queue has had that one. A queue's next job therefore comes after at most
-- one job of each other queue. `from_priority` and `from_turn` are where ready jobs begin.
--
-- Dead rows are not read again while an old snapshot keeps them.
--
-- - Slots are numbered under the queue's lock. Counting begins at the smallest number that was open at the last admission.
-- - `parked_priorities` and `parked_run_ats` say before which position the caller knows of no parked job of each queue.
-- - A queue's row moves with each admission. `rows_at` says where the caller last saw it.
CREATE OR REPLACE FUNCTION mainspring.admit(
    names text[], known text[] DEFAULT NULL, from_priority smallint DEFAULT NULL, from_turn timestamptz DEFAULT NULL,
    parked_priorities smallint[] DEFAULT NULL, parked_run_ats timestamptz[] DEFAULT NULL, rows_at tid[] DEFAULT NULL)
RETURNS TABLE (queue_name text, admitted integer, locked boolean, least_priority smallint, oldest timestamptz,
    tasks text[], flagged boolean, token_in bigint, first_run_at timestamptz, scanned boolean, row_at tid)
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
    made boolean;
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
        made := NULL;
        IF row_at IS NULL THEN
            made := mainspring.make_queue(queue_name);
        END IF;
        IF made THEN
            SELECT q.ctid INTO row_at FROM mainspring.queues AS q WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
        END IF;
        -- Without a row and a parked job there is no queue.
        locked := row_at IS NULL AND made IS NOT NULL;
        SELECT * INTO gate FROM mainspring.queues AS q WHERE q.ctid = row_at;
        admitted := 0;
        least_priority := NULL;
        oldest := NULL;
        tasks := NULL;
        flagged := NULL;
        token_in := NULL;
        first_run_at := NULL;
        scanned := row_at IS NULL AND NOT locked;
        best := NULL;
        room := NULL;
        IF NOT locked AND NOT gate.paused THEN
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
                scanned := best IS NULL;
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
            scanned := scanned OR room > 0;
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
            SELECT count(*), min(c.priority), min(c.turn_at), max(c.turn_at), array_agg(DISTINCT coalesce(c.task, '')),
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
                    tokens_at = CASE WHEN gate.rate_limit IS NULL THEN NULL
                        WHEN gate.tokens_at <= moment + interval '1 minute' THEN greatest(moment, gate.tokens_at) ELSE moment END
                WHERE q.ctid = row_at RETURNING q.ctid INTO row_at;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
