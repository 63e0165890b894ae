-- Enqueueing has one home, here, with one meaning for Rust, SQL and triggers. Whatever
-- adds a job calls `mainspring.enqueue`, which refuses bad input as a whole: nothing is
-- stored when anything is wrong.
--
-- The functions run as their owner (SECURITY DEFINER), so that a role needs nothing but
-- EXECUTE on them.

-- How many bytes the text of a payload may have: the setting mainspring.max_payload_bytes, by default 1 MiB.
CREATE FUNCTION mainspring.payload_limit()
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('mainspring.max_payload_bytes', true), ''), '1048576')::bigint;

-- What is wrong with a new job, as a person is told, or NULL. NULL arguments but the task mean the default.
CREATE FUNCTION mainspring.problem_of(
    task text, payload text, queue text, priority integer, max_attempts integer, key text, key_mode text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN task IS NULL THEN 'task must be 1 to 128 characters, got none'
    WHEN char_length(task) NOT BETWEEN 1 AND 128
        THEN format('task must be 1 to 128 characters, got %s', char_length(task))
    WHEN char_length(queue) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(queue))
    WHEN char_length(key) NOT BETWEEN 1 AND 512
        THEN format('key must be 1 to 512 characters, got %s', char_length(key))
    WHEN key_mode NOT IN ('replace', 'preserve_run_at', 'unsafe_dedupe') THEN format(
        'key_mode must be replace, preserve_run_at or unsafe_dedupe, got %s', quote_literal(key_mode))
    WHEN max_attempts NOT BETWEEN 1 AND 32767
        THEN format('max_attempts must be 1 to 32767, got %s', max_attempts)
    WHEN priority NOT BETWEEN -32768 AND 32767
        THEN format('priority must be -32768 to 32767, got %s', priority)
    WHEN octet_length(payload) > mainspring.payload_limit()
        THEN format('payload must be at most %s bytes, got %s', mainspring.payload_limit(), octet_length(payload))
END;

-- What is wrong with flags, given as the text of a JSON array of labels, or NULL.
CREATE FUNCTION mainspring.flags_problem(flags text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN flags IS NULL THEN NULL
    WHEN jsonb_typeof(flags::jsonb) <> 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(flags::jsonb) AS f WHERE jsonb_typeof(f) <> 'string')
        THEN 'flags must be a list of labels, got ' || left(flags, 100)
    WHEN jsonb_array_length(flags::jsonb) > 32
        THEN format('flags must be at most 32 labels, got %s', jsonb_array_length(flags::jsonb))
    ELSE (SELECT format('flags must be labels of 1 to 128 characters, got one of %s', char_length(f))
        FROM jsonb_array_elements_text(flags::jsonb) AS f WHERE char_length(f) NOT BETWEEN 1 AND 128 LIMIT 1)
END;

-- Flags from the text of a JSON array: each label once and in order, so that equal sets are equal; NULL where there is none.
CREATE FUNCTION mainspring.flags_of(flags text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(ARRAY(SELECT DISTINCT f COLLATE "C" FROM jsonb_array_elements_text(flags::jsonb) AS f ORDER BY 1), '{}');

-- The jobs that arrays ask for, with their defaults. Not a word in it is volatile, so that it becomes part of the statement that
-- asks.
CREATE FUNCTION mainspring.jobs_asked_for(
    tasks text[], payloads text[], queues text[], run_ats timestamptz[], priorities integer[],
    attempt_limits integer[], keys text[], key_modes text[], flag_sets text[], moment timestamptz)
RETURNS TABLE (ord bigint, task text, payload jsonb, queue text, run_at timestamptz, priority smallint,
    max_attempts smallint, key text, key_mode text, flags text[])
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.ord, s.task, coalesce(s.payload, '{}')::jsonb, s.queue, coalesce(s.run_at, moment),
        coalesce(s.priority, 0)::smallint, coalesce(s.max_attempts, 25)::smallint, s.key, s.key_mode,
        CASE WHEN s.flags IS NOT NULL THEN mainspring.flags_of(s.flags) END
    FROM unnest(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes, flag_sets)
        WITH ORDINALITY AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, ord);
END;

-- Adds one job, as the table of key modes in docs/LIFECYCLE.md says when its key is taken. The loop ends:
-- each lap either stores or returns a row, or takes the key from one running job.
CREATE FUNCTION mainspring.enqueue_one(
    new_id bigint, new_task text, new_payload jsonb, new_queue text, new_run_at timestamptz,
    new_priority smallint, new_max_attempts smallint, new_key text, key_mode text, new_flags text[])
RETURNS mainspring.jobs
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    dedupe boolean := coalesce(key_mode = 'unsafe_dedupe', false);
    keep_run_at boolean := coalesce(key_mode = 'preserve_run_at', false);
    stored mainspring.jobs;
BEGIN
    LOOP
        INSERT INTO mainspring.jobs AS old
            (id, task, payload, queue, run_at, priority, max_attempts, key, flags, state)
        VALUES (new_id, new_task, new_payload, new_queue, new_run_at, new_priority, new_max_attempts,
            new_key, new_flags, mainspring.waiting_state(new_queue, new_run_at, moment))
        ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO UPDATE
            SET task = CASE WHEN dedupe THEN old.task ELSE excluded.task END,
                payload = CASE
                    WHEN dedupe THEN old.payload
                    WHEN jsonb_typeof(old.payload) = 'array' AND jsonb_typeof(excluded.payload) = 'array'
                    THEN old.payload || excluded.payload ELSE excluded.payload END,
                queue = CASE WHEN dedupe THEN old.queue ELSE excluded.queue END,
                priority = CASE WHEN dedupe THEN old.priority ELSE excluded.priority END,
                max_attempts = CASE WHEN dedupe THEN old.max_attempts ELSE excluded.max_attempts END,
                flags = CASE WHEN dedupe THEN old.flags ELSE excluded.flags END,
                run_at = CASE WHEN dedupe OR (keep_run_at AND old.attempts = 0)
                    THEN old.run_at ELSE excluded.run_at END,
                state = CASE WHEN dedupe THEN old.state ELSE mainspring.waiting_state(excluded.queue,
                    CASE WHEN keep_run_at AND old.attempts = 0
                        THEN old.run_at ELSE excluded.run_at END, moment) END,
                turn_at = CASE WHEN dedupe THEN old.turn_at END,
                attempts = CASE WHEN dedupe THEN old.attempts ELSE 0 END,
                last_error = CASE WHEN dedupe THEN old.last_error END,
                progress = CASE WHEN dedupe THEN old.progress END,
                progress_note = CASE WHEN dedupe THEN old.progress_note END,
                revision = old.revision + CASE WHEN old.state = 'running' THEN 0 ELSE 1 END,
                updated_at = moment
            WHERE dedupe OR old.state <> 'running'
        RETURNING * INTO stored;
        IF FOUND THEN
            -- A batch that grows under its key has the limit of any payload.
            IF stored.revision > 0 AND NOT dedupe AND jsonb_typeof(stored.payload) = 'array'
                AND octet_length(stored.payload::text) > mainspring.payload_limit()
            THEN
                RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
                    MESSAGE = format('payload must be at most %s bytes, got %s with what the job of the key holds',
                        mainspring.payload_limit(), octet_length(stored.payload::text));
            END IF;
            RETURN stored;
        END IF;

        -- A running job holds the key: it loses it, and is not run again after this attempt. A batch is, with what
        -- failed of it: the new job has other entries.
        UPDATE mainspring.jobs AS held
        SET key = NULL, updated_at = moment,
            superseded = NOT (jsonb_typeof(held.payload) = 'array' AND jsonb_typeof(new_payload) = 'array')
        WHERE held.key = new_key AND held.state = 'running';
    END LOOP;
END $$;

-- Tells listening workers that jobs are due, and with `soon` that others will be before the next slow poll. The text is
-- `job ORIGIN PRIORITY MILLISECONDS`, for jobs of a queue `queue ORIGIN PRIORITY MILLISECONDS NAME`, of several
-- `queues ORIGIN PRIORITY MILLISECONDS NAMES` with a JSON array, or without it where a notification does not hold the names: who sent it (the setting mainspring.origin, by which a process
-- knows its own), the smallest priority, and the oldest run_at in milliseconds since 1970, by which a worker knows
-- where to look. Where jobs with flags may be among them, it is `flagged ORIGIN` besides. For jobs that are not due it is `soon ORIGIN`. Jobs further off than the slowest poll need no
-- notification: a poll finds their time first.
CREATE FUNCTION mainspring.wake(
    least_priority integer, oldest timestamptz, queues text[], soon boolean DEFAULT false, flagged boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    origin text := coalesce(nullif(current_setting('mainspring.origin', true), ''), '-');
    hint text := format('%s %s %s', origin, least_priority, floor(extract(epoch FROM oldest) * 1000)::bigint);
    lanes text[];
    names text;
BEGIN
    IF soon THEN
        PERFORM pg_notify('mainspring', 'soon ' || origin);
    END IF;
    IF oldest > clock_timestamp() THEN
        RETURN;
    END IF;
    IF flagged THEN
        PERFORM pg_notify('mainspring', 'flagged ' || origin);
    END IF;
    IF queues IS NULL OR (cardinality(queues) = 1 AND array_position(queues, NULL) IS NOT NULL) THEN
        PERFORM pg_notify('mainspring', 'job ' || hint);
        RETURN;
    END IF;
    lanes := ARRAY(SELECT DISTINCT q FROM unnest(queues) AS q WHERE q IS NOT NULL);
    IF cardinality(lanes) = 1 THEN
        PERFORM pg_notify('mainspring', 'queue ' || hint || ' ' || lanes[1]);
    ELSE
        names := to_json(lanes)::text;
        PERFORM pg_notify('mainspring', 'queues ' || hint
            || CASE WHEN octet_length(names) <= 7000 THEN ' ' || names ELSE '' END) WHERE cardinality(lanes) > 0;
    END IF;
    IF array_position(queues, NULL) IS NOT NULL OR cardinality(queues) = 0 THEN
        PERFORM pg_notify('mainspring', 'job ' || hint);
    END IF;
END $$;

-- One try of `mainspring.enqueue_keyed`. The living rows that the keys meet are locked first in the order of their ids, which is
-- the order in which settling locks its rows. Then everything is added that finds its key free, in the order of keys, and the rest
-- is handled one after the other in that order.
--
-- So nobody waits for a row who has taken a key, and two of these never wait for each other. But others may have stored jobs
-- under the keys meanwhile: where one of their rows is held, this fails with MS001 unless it is to be patient. The caller has to
-- undo it and begin again, with that row among the first.
CREATE FUNCTION mainspring.try_enqueue_keyed(
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
            FROM mainspring.jobs_asked_for(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
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
        SELECT s.* FROM mainspring.jobs_asked_for(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys,
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

-- Adds several jobs some of which have keys, for `mainspring.enqueue`. A try that would wait in the wrong order gives up all that it
-- has locked and begins again. In a transaction that has written before, which may hold other rows, there is one patient try: what
-- it holds it could not give up, and each block would be a subtransaction, of which a transaction had better not have many.
CREATE FUNCTION mainspring.enqueue_keyed(
    tasks text[], payloads text[], queues text[], run_ats timestamptz[], priorities integer[],
    attempt_limits integer[], keys text[], key_modes text[], flag_sets text[], moment timestamptz)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        FOR tries IN 1..8 LOOP
            BEGIN
                RETURN QUERY
                SELECT * FROM mainspring.try_enqueue_keyed(tasks, payloads, queues, run_ats, priorities, attempt_limits,
                    keys, key_modes, flag_sets, moment, patient => false);
                RETURN;
            EXCEPTION WHEN SQLSTATE 'MS001' THEN
                CONTINUE;
            END;
        END LOOP;
    END IF;
    RETURN QUERY
    SELECT * FROM mainspring.try_enqueue_keyed(tasks, payloads, queues, run_ats, priorities, attempt_limits,
        keys, key_modes, flag_sets, moment, patient => true);
END $$;

-- Adds jobs, one for each element of the arrays, and answers a row for each in the order of the
-- input, with new ids in that order too. A NULL element, or a NULL array, means the default. Flags
-- come as the text of a JSON array of labels.
CREATE FUNCTION mainspring.enqueue(
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
    moment timestamptz := clock_timestamp();
    problem text;
    least_priority integer;
    oldest timestamptz;
    soon boolean;
BEGIN
    SELECT CASE WHEN cardinality(tasks) > 1 THEN format('job %s of %s: ', s.ord, cardinality(tasks)) ELSE '' END || p.problem
    INTO problem
    FROM unnest(tasks, payloads, queues, priorities, attempt_limits, keys, key_modes, flag_sets)
        WITH ORDINALITY AS s(task, payload, queue, priority, max_attempts, key, key_mode, flags, ord)
    CROSS JOIN LATERAL (SELECT coalesce(mainspring.problem_of(
        s.task, s.payload, s.queue, s.priority, s.max_attempts, s.key, s.key_mode),
        CASE WHEN s.flags IS NOT NULL THEN mainspring.flags_problem(s.flags) END) AS problem) AS p
    WHERE p.problem IS NOT NULL
    ORDER BY s.ord LIMIT 1;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;

    IF keys IS NULL THEN
        RETURN QUERY
        INSERT INTO mainspring.jobs AS j (task, payload, queue, run_at, priority, max_attempts, flags, state)
        SELECT s.task, s.payload, s.queue, s.run_at, s.priority, s.max_attempts, s.flags,
            mainspring.waiting_state(s.queue, s.run_at, moment)
        FROM mainspring.jobs_asked_for(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
            flag_sets, moment) AS s
        ORDER BY s.ord
        RETURNING 0::bigint, j.id, j.state, j.priority, j.run_at;
    ELSIF cardinality(tasks) = 1 THEN
        SELECT 1, o.id, o.state, o.priority, o.run_at INTO ordinal, job_id, job_state, job_priority, job_run_at
        FROM mainspring.jobs_asked_for(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes,
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

    -- Jobs behind the end of a short array have no queue.
    IF cardinality(queues) < cardinality(tasks) THEN
        queues := queues || NULL::text;
    END IF;
    -- A job with a key that keeps its time waits where it waited, or with a better priority before that: at the oldest.
    IF notify AND priorities IS NULL AND run_ats IS NULL AND cardinality(tasks) > 0 THEN
        PERFORM mainspring.wake(0, least(oldest, moment), queues, false, flag_sets IS NOT NULL);
    ELSIF notify AND cardinality(tasks) > 0 THEN
        SELECT min(coalesce(s.priority, 0)), least(oldest, min(coalesce(s.run_at, moment))),
            coalesce(bool_or(s.run_at > moment AND s.run_at < moment + interval '20 seconds'), false)
        INTO least_priority, oldest, soon
        FROM unnest(tasks, priorities, run_ats) AS s(task, priority, run_at);
        IF soon OR oldest <= moment THEN
            PERFORM mainspring.wake(least_priority, oldest, queues, soon, flag_sets IS NOT NULL);
        END IF;
    END IF;
END $$;

-- Adds one job and answers it as `jobs_view` shows it. Only `task` is needed; NULL means the default.
CREATE FUNCTION mainspring.add_job(
    task text, payload jsonb DEFAULT '{}', queue text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, key text DEFAULT NULL, priority integer DEFAULT NULL,
    flags text[] DEFAULT NULL, key_mode text DEFAULT NULL)
RETURNS mainspring.jobs_view
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    added bigint;
    answer mainspring.jobs_view;
BEGIN
    SELECT e.job_id INTO added FROM mainspring.enqueue(
        ARRAY[add_job.task], ARRAY[add_job.payload::text], ARRAY[add_job.queue], ARRAY[add_job.run_at],
        ARRAY[add_job.priority], ARRAY[add_job.max_attempts],
        CASE WHEN add_job.key IS NOT NULL THEN ARRAY[add_job.key] END, ARRAY[add_job.key_mode],
        CASE WHEN add_job.flags IS NOT NULL THEN ARRAY[to_jsonb(add_job.flags)::text] END) AS e;
    SELECT v.* INTO answer FROM mainspring.jobs_view AS v WHERE v.id = added;
    RETURN answer;
END $$;

-- Takes the job under `key` back: a waiting one is deleted and its id answered; a running one loses
-- its key and is not retried; an unknown key changes nothing. Answers NULL when nothing was deleted.
CREATE FUNCTION mainspring.remove_job(key text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    held bigint;
    removed bigint;
BEGIN
    -- Locked first, so that a job that goes back at this moment is not missed as running and as waiting.
    SELECT j.id INTO held FROM mainspring.jobs AS j WHERE j.key = remove_job.key AND j.state <> 'dead' FOR UPDATE;
    DELETE FROM mainspring.jobs AS j WHERE j.id = held AND j.state <> 'running' RETURNING j.id INTO removed;
    IF removed IS NULL THEN
        UPDATE mainspring.jobs AS j SET key = NULL, superseded = true, updated_at = clock_timestamp()
        WHERE j.id = held AND j.state = 'running';
    END IF;
    RETURN removed;
END $$;
