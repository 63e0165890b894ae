-- One try of `mainspring.enqueue_keyed`. The living rows that the keys meet are locked first in the order of their ids, which is
-- the order in which settling locks its rows. Then everything is added that finds its key free, in the order of keys, and the rest
-- is handled one after the other in that order.
--
-- So nobody waits for a row who has taken a key, and two of these never wait for each other. But others may have stored jobs
-- under the keys meanwhile: where one of their rows is held, this fails with MS001 unless it is to be patient. The caller has to
-- undo it and begin again, with that row among the first.
CREATE OR REPLACE FUNCTION mainspring.try_enqueue_keyed(
    tasks text[], payloads text[], queues text[], run_ats timestamptz[], priorities integer[],
    attempt_limits integer[], keys text[], key_modes text[], flag_sets text[], moment timestamptz, patient boolean)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ids bigint[] := ARRAY(SELECT nextval('mainspring.jobs_id_seq') FROM generate_series(1, cardinality(tasks)));
    added bigint;
    locked bigint;
    present bigint;
    item record;
    stored mainspring.jobs;
BEGIN
    -- Two looks, one by the index of the keys and one by that of the ids: one that sorts would read all jobs by their
    -- ids on a connection that has sorts switched off.
    PERFORM 1 FROM mainspring.jobs AS j
    WHERE j.id = ANY (ARRAY(SELECT k.id FROM mainspring.jobs AS k
        WHERE k.key = ANY (keys) AND k.key IS NOT NULL AND k.state <> 'dead'))
    ORDER BY j.id FOR UPDATE;

    -- Of the jobs with one key only the first, so that the others come after it whatever happens to the key meanwhile. The ids
    -- go up with the places in the input: where an id is among them is its place.
    RETURN QUERY
    WITH added AS (
        INSERT INTO mainspring.jobs AS j (id, task, payload, queue, run_at, priority, max_attempts, key, flags, state)
        SELECT ids[s.ord], s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.key, s.flags,
            mainspring.waiting_state(s.queue, s.run_at, moment)
        FROM (
            SELECT u.*, u.key IS NULL OR lag(u.key) OVER (ORDER BY u.key NULLS FIRST, u.ord) IS DISTINCT FROM u.key AS first
            FROM mainspring.job_rows(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
                flag_sets, moment) AS u
        ) AS s
        WHERE s.first
        ORDER BY s.key NULLS FIRST, s.ord
        ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO NOTHING
        RETURNING j.id, j.state, j.priority, j.run_at)
    SELECT width_bucket(a.id, (SELECT ids))::bigint, a.id, a.state, a.priority, a.run_at FROM added AS a;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added = cardinality(tasks) THEN
        RETURN;
    END IF;

    IF NOT patient THEN
        PERFORM 1 FROM mainspring.jobs AS j
        WHERE j.key = ANY (keys) AND j.key IS NOT NULL AND j.state <> 'dead' FOR UPDATE SKIP LOCKED;
        GET DIAGNOSTICS locked = ROW_COUNT;
        SELECT count(*) INTO present FROM mainspring.jobs AS j
        WHERE j.key = ANY (keys) AND j.key IS NOT NULL AND j.state <> 'dead';
        IF locked < present THEN
            RAISE EXCEPTION USING ERRCODE = 'MS001', MESSAGE = 'another transaction holds a job with one of the keys';
        END IF;
    END IF;

    FOR item IN
        SELECT s.* FROM mainspring.job_rows(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys,
            key_modes, flag_sets, moment) AS s
        WHERE NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = ids[s.ord])
        ORDER BY s.key, s.ord
    LOOP
        stored := mainspring.enqueue_one(ids[item.ord], item.task, item.payload, item.queue, item.run_at, item.priority,
            item.max_attempts, item.key, item.key_mode, item.flags);
        ordinal := item.ord;
        job_id := stored.id;
        job_state := stored.state;
        job_priority := stored.priority;
        job_run_at := stored.run_at;
        RETURN NEXT;
    END LOOP;
END $$;
