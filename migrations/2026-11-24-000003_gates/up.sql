-- Admission: the one way from `parked` to `ready`. A queue's slots are its admitted jobs, claimed or
-- not, counted afresh under the queue's row lock, so that no counter can drift.

-- Admits the best parked jobs of each named queue, as many as it has room for, and answers a row for
-- each queue: how many, the smallest priority, oldest run_at and the tasks among them, and `busy` when another
-- session held the queue's row, in which case the caller asks again shortly. Never waits for a row.
CREATE FUNCTION mainspring.admit(names text[])
RETURNS TABLE (queue_name text, admitted integer, busy boolean, least_priority smallint, oldest timestamptz,
    tasks text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gate mainspring.queues;
    room bigint;
BEGIN
    FOR queue_name IN SELECT DISTINCT n FROM unnest(names) AS n WHERE n IS NOT NULL ORDER BY n LOOP
        SELECT * INTO gate FROM mainspring.queues AS q WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            INSERT INTO mainspring.queues (name) VALUES (queue_name) ON CONFLICT DO NOTHING;
            SELECT * INTO gate FROM mainspring.queues AS q WHERE q.name = queue_name FOR UPDATE SKIP LOCKED;
        END IF;
        busy := NOT FOUND;
        admitted := 0;
        least_priority := NULL;
        oldest := NULL;
        tasks := NULL;
        IF NOT busy AND NOT gate.paused THEN
            SELECT gate.concurrency - count(*) INTO room FROM mainspring.jobs AS j
            WHERE j.queue = queue_name AND j.queue IS NOT NULL AND j.state IN ('ready', 'running');
            IF room > 0 THEN
                WITH chosen AS (
                    UPDATE mainspring.jobs AS j SET state = 'ready', updated_at = clock_timestamp()
                    WHERE j.id = ANY (ARRAY(
                        SELECT p.id FROM mainspring.jobs AS p
                        WHERE p.state = 'parked' AND p.queue = queue_name
                        ORDER BY p.priority, p.run_at, p.id LIMIT room FOR UPDATE SKIP LOCKED))
                    RETURNING j.priority, j.run_at, j.task)
                SELECT count(*), min(c.priority), min(c.run_at), array_agg(DISTINCT c.task)
                INTO admitted, least_priority, oldest, tasks
                FROM chosen AS c;
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
