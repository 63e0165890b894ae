-- Adds jobs, one for each element of the arrays. Returns a row for each in the order of the input, with new ids in that
-- order too. A NULL element, or a NULL array, means the default. Flags come as the text of a JSON array of labels.
CREATE OR REPLACE FUNCTION mainspring.enqueue(
    tasks text[], payloads text[] DEFAULT NULL, queues text[] DEFAULT NULL,
    run_ats timestamptz[] DEFAULT NULL, priorities integer[] DEFAULT NULL,
    attempt_limits integer[] DEFAULT NULL, keys text[] DEFAULT NULL, key_modes text[] DEFAULT NULL,
    flag_sets text[] DEFAULT NULL, notify boolean DEFAULT true)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := mainspring.now();
    problem text;
    oldest timestamptz;
BEGIN
    problem := mainspring.jobs_problem(tasks, payloads, queues, priorities, attempt_limits, keys, key_modes, flag_sets);
    -- A call costs something, and nearly every job is good.
    IF problem IS NOT NULL THEN
        PERFORM mainspring.refuse(problem);
    END IF;

    IF keys IS NULL THEN
        RETURN QUERY
        INSERT INTO mainspring.jobs AS j (task, payload, queue, run_at, priority, max_attempts, flags, state)
        SELECT s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.flags,
            mainspring.waiting_state(s.queue, s.run_at, moment)
        FROM mainspring.job_rows(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
            flag_sets, moment) AS s
        ORDER BY s.ord
        RETURNING 0::bigint, j.id, j.state, j.priority, j.run_at;
    ELSIF cardinality(tasks) = 1 THEN
        SELECT 1, o.id, o.state, o.priority, o.run_at INTO ordinal, job_id, job_state, job_priority, job_run_at
        FROM mainspring.job_rows(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
            flag_sets, moment) AS s
        CROSS JOIN LATERAL mainspring.enqueue_one(nextval('mainspring.jobs_id_seq'), s.task, s.payload, s.queue, s.run_at,
            s.priority, s.max_attempts, s.key, s.key_mode, s.flags) AS o;
        oldest := job_run_at;
        RETURN NEXT;
    ELSE
        FOR ordinal, job_id, job_state, job_priority, job_run_at IN
            SELECT * FROM mainspring.enqueue_keyed(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys,
                key_modes, flag_sets, moment) AS e(place)
            ORDER BY e.place
        LOOP
            oldest := least(oldest, job_run_at);
            RETURN NEXT;
        END LOOP;
    END IF;

    IF notify THEN
        PERFORM mainspring.notify_enqueued(tasks, queues, run_ats, priorities, flag_sets IS NOT NULL, oldest);
    END IF;
END $$;
