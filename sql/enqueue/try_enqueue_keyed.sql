-- One try of `enqueue_keyed`.
--
-- 1. The living rows with these keys are locked in the order of their ids, as settling locks its rows.
-- 2. Every job whose key is free is added, in the order of the keys.
-- 3. The other jobs are added one after the other, in that order.
--
-- A transaction that has taken a key therefore waits for no row, and two of these never wait for each other. Another
-- transaction may store a job under one of the keys after step 1. If it still holds that row, this fails with MS001 unless
-- `patient`. The caller rolls back and starts again, with that row among those of step 1.
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
    item record;
    stored mainspring.jobs;
BEGIN
    PERFORM mainspring.lock_jobs_with_keys(keys);

    -- Only the first of the jobs with one key: the others must come after it. The ids rise with the places in the input, so
    -- the bucket of an id among them is its place.
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

    IF NOT patient AND mainspring.are_keys_held(keys) THEN
        RAISE EXCEPTION USING ERRCODE = 'MS001', MESSAGE = 'another transaction holds a job with one of the keys';
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
