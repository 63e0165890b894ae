-- Schedules: what people create and change while the application runs. A row says when it fires next; that moment is
-- found by the scheduler, which alone reads expressions. So whatever changes a row marks it (`plan_after`) and notifies,
-- and a running instance finds the next moment at once, or writes down why there is none (`error`).
--
-- The functions for callers run as their owner (SECURITY DEFINER), so that a role needs nothing but EXECUTE on them.
-- Every statement creates something new, so none of them blocks a live table.

CREATE TABLE mainspring.schedules (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- When it fires next. NULL: paused, over, faulty, or not found out yet.
    next_fire_at   timestamptz,
    -- The mark: the next fire after this moment is still to be found.
    plan_after     timestamptz,
    starts_at      timestamptz,
    ends_at        timestamptz,
    last_fire_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_job_id    bigint,
    -- How many missed fires are made up for at most: 0 none, 1 the last one.
    catch_up       integer NOT NULL,
    jitter_seconds integer NOT NULL,
    priority       smallint NOT NULL,
    max_attempts   smallint NOT NULL,
    paused         boolean NOT NULL,
    name           text NOT NULL UNIQUE,
    task           text NOT NULL,
    expression     text NOT NULL,
    zone           text NOT NULL,
    queue          text,
    key            text,
    overlap        text NOT NULL,
    last_outcome   text,
    error          text,
    payload        jsonb NOT NULL,
    CONSTRAINT schedules_name_length CHECK (char_length(name) BETWEEN 1 AND 128),
    CONSTRAINT schedules_task_length CHECK (char_length(task) BETWEEN 1 AND 128),
    CONSTRAINT schedules_queue_length CHECK (char_length(queue) BETWEEN 1 AND 128),
    CONSTRAINT schedules_key_length CHECK (char_length(key) BETWEEN 1 AND 512),
    CONSTRAINT schedules_max_attempts_range CHECK (max_attempts >= 1),
    CONSTRAINT schedules_catch_up_range CHECK (catch_up BETWEEN 0 AND 10000),
    CONSTRAINT schedules_jitter_range CHECK (jitter_seconds BETWEEN 0 AND 86400),
    CONSTRAINT schedules_overlap_known CHECK (overlap IN ('allow', 'skip', 'replace')),
    CONSTRAINT schedules_key_for_overlap CHECK (key IS NULL OR overlap <> 'allow'),
    CONSTRAINT schedules_dates_readable CHECK (
        starts_at >= '0001-01-01 00:00:00+00' AND starts_at < '10000-01-01 00:00:00+00'
        AND ends_at >= '0001-01-01 00:00:00+00' AND ends_at < '10000-01-01 00:00:00+00'),
    CONSTRAINT schedules_payload_object CHECK (jsonb_typeof(payload) = 'object'),
    CONSTRAINT schedules_paused_never_fires CHECK (NOT paused OR (next_fire_at IS NULL AND plan_after IS NULL)),
    CONSTRAINT schedules_marked_or_planned CHECK (plan_after IS NULL OR next_fire_at IS NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1);

-- The due ones, and the timer for the next one.
CREATE INDEX schedules_next ON mainspring.schedules (next_fire_at) WHERE next_fire_at IS NOT NULL;
-- The marked ones.
CREATE INDEX schedules_marked ON mainspring.schedules (plan_after) WHERE plan_after IS NOT NULL;

-- What became of each fire. Rows outlive their schedule, until their retention is over.
CREATE TABLE mainspring.schedule_fires (
    fired_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at    timestamptz NOT NULL,
    job_id    bigint,
    triggered boolean NOT NULL,
    schedule  text NOT NULL,
    outcome   text NOT NULL,
    -- `missed` stands for all fires from `due_at` on that were not made up for.
    CONSTRAINT schedule_fires_outcome_known CHECK (outcome IN ('enqueued', 'skipped', 'replaced', 'missed')),
    CONSTRAINT schedule_fires_job_when_enqueued CHECK ((outcome = 'enqueued') = (job_id IS NOT NULL))
);
-- The fires of one schedule, newest first.
CREATE INDEX schedule_fires_of_one ON mainspring.schedule_fires (schedule, fired_at, due_at);
-- Retention.
CREATE INDEX schedule_fires_age ON mainspring.schedule_fires (fired_at);

-- What anyone may read about schedules.
CREATE VIEW mainspring.schedules_view AS
SELECT name, task, expression, zone, payload, queue, priority, max_attempts, key, overlap, catch_up, starts_at, ends_at,
       jitter_seconds, paused, next_fire_at, last_fire_at, last_outcome, last_job_id, error, created_at, updated_at
FROM mainspring.schedules;

-- Tells every instance that a schedule has changed.
CREATE FUNCTION mainspring.tell_schedules_changed()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
RETURN pg_notify('mainspring', 'schedules');

-- What is wrong with a schedule, or NULL. Expression and zone are read by the scheduler.
CREATE FUNCTION mainspring.schedule_problem(s mainspring.schedules)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN char_length(coalesce(s.name, '')) NOT BETWEEN 1 AND 128
        THEN format('name must be 1 to 128 characters, got %s', char_length(coalesce(s.name, '')))
    WHEN char_length(coalesce(s.task, '')) NOT BETWEEN 1 AND 128
        THEN format('task must be 1 to 128 characters, got %s', char_length(coalesce(s.task, '')))
    WHEN coalesce(s.expression, '') = '' THEN 'expression must be a cron expression, got none'
    WHEN char_length(s.expression) > 1024
        THEN format('expression must be at most 1024 characters, got %s', char_length(s.expression))
    WHEN char_length(s.zone) > 128 THEN format('zone must be at most 128 characters, got %s', char_length(s.zone))
    -- Beyond it, and at infinity, times cannot be read by every program.
    WHEN s.starts_at < '0001-01-01 00:00:00+00' OR s.starts_at >= '10000-01-01 00:00:00+00'
        THEN format('starts_at must be in the years 1 to 9999, got %s', s.starts_at)
    WHEN s.ends_at < '0001-01-01 00:00:00+00' OR s.ends_at >= '10000-01-01 00:00:00+00'
        THEN format('ends_at must be in the years 1 to 9999, got %s', s.ends_at)
    WHEN char_length(s.queue) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(s.queue))
    WHEN char_length(s.key) NOT BETWEEN 1 AND 512
        THEN format('key must be 1 to 512 characters, got %s', char_length(s.key))
    WHEN s.max_attempts < 1 THEN format('max_attempts must be 1 to 32767, got %s', s.max_attempts)
    WHEN s.catch_up NOT BETWEEN 0 AND 10000 THEN format('catch_up must be 0 to 10000, got %s', s.catch_up)
    WHEN s.jitter_seconds NOT BETWEEN 0 AND 86400
        THEN format('jitter_seconds must be 0 to 86400, got %s', s.jitter_seconds)
    WHEN s.overlap NOT IN ('allow', 'skip', 'replace')
        THEN format('overlap must be allow, skip or replace, got %s', quote_literal(s.overlap))
    WHEN s.key IS NOT NULL AND s.overlap = 'allow' THEN 'key must go with the overlap skip or replace, got allow'
    WHEN s.starts_at > s.ends_at
        THEN format('ends_at must not be before starts_at, got %s and %s', s.ends_at, s.starts_at)
    WHEN jsonb_typeof(s.payload) <> 'object'
        THEN format('payload must be an object, got %s', jsonb_typeof(s.payload))
    -- A fire adds its name and time to the payload.
    WHEN octet_length(s.payload::text) + 1024 > mainspring.payload_limit()
        THEN format('payload must be at most %s bytes, got %s', mainspring.payload_limit() - 1024,
            octet_length(s.payload::text))
END;

-- The one home of every change: makes the schedule, or changes the fields that `changes` names, where a JSON null
-- means the default. Answers the id, or NULL where there is no schedule to change. Only what decides about the time
-- marks the row: a new payload leaves the next fire where it is.
CREATE FUNCTION mainspring.write_schedule(schedule_name text, changes jsonb, is_new boolean)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    defaults jsonb := '{"payload": {}, "zone": "UTC", "priority": 0, "max_attempts": 25, "overlap": "allow",
        "catch_up": 1, "jitter_seconds": 0, "paused": false}';
    fields text[] := ARRAY['task', 'expression', 'payload', 'zone', 'queue', 'priority', 'max_attempts', 'key',
        'overlap', 'catch_up', 'starts_at', 'ends_at', 'jitter_seconds', 'paused'];
    moment timestamptz := clock_timestamp();
    problem text;
    old mainspring.schedules;
    new mainspring.schedules;
BEGIN
    SELECT format('a schedule has the fields %s; got %s', array_to_string(fields, ', '), string_agg(f, ', '))
    INTO problem FROM jsonb_object_keys(changes) AS f WHERE f <> ALL (fields) HAVING count(*) > 0;
    IF problem IS NULL THEN
        SELECT * INTO old FROM mainspring.schedules AS s WHERE s.name = schedule_name FOR UPDATE;
        IF NOT is_new AND NOT FOUND THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_object_agg(c.key, CASE WHEN c.value = 'null' THEN coalesce(defaults -> c.key, 'null') ELSE c.value END)
        INTO changes FROM jsonb_each(changes) AS c;
        changes := coalesce(changes, '{}');
        IF is_new THEN
            changes := defaults || changes || jsonb_build_object('name', schedule_name);
            old := NULL;
        END IF;
        new := jsonb_populate_record(old, changes);
        problem := mainspring.schedule_problem(new);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;

    IF is_new OR old.error IS NOT NULL OR (old.expression, old.zone, old.starts_at, old.ends_at, old.paused)
        IS DISTINCT FROM (new.expression, new.zone, new.starts_at, new.ends_at, new.paused)
    THEN
        new.error := NULL;
        new.next_fire_at := NULL;
        new.plan_after := CASE WHEN NOT new.paused THEN moment END;
    END IF;
    IF is_new THEN
        INSERT INTO mainspring.schedules (name, task, expression, payload, zone, queue, priority, max_attempts, key,
            overlap, catch_up, starts_at, ends_at, jitter_seconds, paused, plan_after)
        VALUES (new.name, new.task, new.expression, new.payload, new.zone, new.queue, new.priority, new.max_attempts,
            new.key, new.overlap, new.catch_up, new.starts_at, new.ends_at, new.jitter_seconds, new.paused,
            new.plan_after)
        ON CONFLICT (name) DO NOTHING
        RETURNING id INTO new.id;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
                MESSAGE = format('name must be new, got %s, which another schedule has', quote_literal(schedule_name));
        END IF;
    ELSE
        UPDATE mainspring.schedules AS s
        SET task = new.task, expression = new.expression, payload = new.payload, zone = new.zone, queue = new.queue,
            priority = new.priority, max_attempts = new.max_attempts, key = new.key, overlap = new.overlap,
            catch_up = new.catch_up, starts_at = new.starts_at, ends_at = new.ends_at,
            jitter_seconds = new.jitter_seconds, paused = new.paused, plan_after = new.plan_after,
            next_fire_at = new.next_fire_at, error = new.error, updated_at = moment
        WHERE s.id = new.id;
    END IF;
    PERFORM mainspring.tell_schedules_changed();
    RETURN new.id;
END $$;

-- Makes a schedule and answers its id. Only the first three arguments are needed; NULL means the default.
CREATE FUNCTION mainspring.create_schedule(
    name text, task text, expression text, payload jsonb DEFAULT '{}', zone text DEFAULT NULL,
    queue text DEFAULT NULL, priority integer DEFAULT NULL, max_attempts integer DEFAULT NULL,
    key text DEFAULT NULL, overlap text DEFAULT NULL, catch_up integer DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL, ends_at timestamptz DEFAULT NULL,
    jitter_seconds integer DEFAULT NULL, paused boolean DEFAULT NULL)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN mainspring.write_schedule(name, jsonb_build_object('task', task, 'expression', expression, 'payload', payload,
    'zone', zone, 'queue', queue, 'priority', priority, 'max_attempts', max_attempts, 'key', key,
    'overlap', overlap, 'catch_up', catch_up, 'starts_at', starts_at, 'ends_at', ends_at,
    'jitter_seconds', jitter_seconds, 'paused', paused), true);

-- Changes the fields that `changes` names, as in '{"expression": "*/5 * * * *", "queue": null}', and answers whether
-- there is such a schedule. A null means the default.
CREATE FUNCTION mainspring.update_schedule(name text, changes jsonb)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN mainspring.write_schedule(name, changes, false) IS NOT NULL;

-- Stops a schedule from firing; what is due meanwhile is not made up for. Answers whether there is such a schedule.
CREATE FUNCTION mainspring.pause_schedule(name text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN mainspring.write_schedule(name, '{"paused": true}', false) IS NOT NULL;

-- Lets a paused schedule fire again, from its next moment on. Answers whether there is such a schedule.
CREATE FUNCTION mainspring.resume_schedule(name text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN mainspring.write_schedule(name, '{"paused": false}', false) IS NOT NULL;

-- Deletes a schedule; the jobs it has added stay. Answers whether there was one.
CREATE FUNCTION mainspring.delete_schedule(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.schedules AS s WHERE s.name = delete_schedule.name;
    IF FOUND THEN
        PERFORM mainspring.tell_schedules_changed();
    END IF;
    RETURN FOUND;
END $$;

-- Fires schedules that the caller has locked: adds the jobs in one call of mainspring.enqueue, writes the fires down,
-- and answers a row for each in the order of the input. Several fires of one schedule stand in the order of `dues`.
--
-- With the overlap `skip` a fire adds nothing while a job of the schedule lives; with `replace` it takes the place of
-- the waiting one, and of several fires at once only the last adds a job. Both know their job by its key.
CREATE FUNCTION mainspring.fire_schedules(
    ids bigint[], dues timestamptz[], run_ats timestamptz[], backfills boolean[], are_triggered boolean)
RETURNS TABLE (schedule_id bigint, due timestamptz, what text, job bigint, job_queue text, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fires record;
BEGIN
    -- LIMIT keeps the planner from turning the look-up of each row into a scan of all of them.
    WITH listed AS MATERIALIZED (
        SELECT f.ord, f.due, f.run_at, f.backfilled, s AS s,
            CASE WHEN s.overlap <> 'allow' THEN coalesce(s.key, 'schedule:' || s.name) END AS job_key,
            row_number() OVER (PARTITION BY s.id ORDER BY f.ord) AS nth,
            lead(f.ord) OVER (PARTITION BY s.id ORDER BY f.ord) IS NULL AS is_last
        FROM unnest(ids, dues, run_ats, backfills) WITH ORDINALITY AS f(id, due, run_at, backfilled, ord)
        CROSS JOIN LATERAL (SELECT * FROM mainspring.schedules AS t WHERE t.id = f.id LIMIT 1) AS s
    ), judged AS MATERIALIZED (
        SELECT l.*, CASE
            WHEN (l.s).overlap = 'skip' AND (l.nth > 1 OR EXISTS (
                SELECT FROM mainspring.jobs AS j WHERE j.key = l.job_key AND j.state <> 'dead')) THEN 'skipped'
            WHEN (l.s).overlap = 'replace' AND NOT l.is_last THEN 'replaced'
            ELSE 'enqueued' END AS verdict
        FROM listed AS l
    )
    SELECT array_agg((j.s).id ORDER BY j.ord) AS ids, array_agg((j.s).name ORDER BY j.ord) AS names,
        array_agg(j.due ORDER BY j.ord) AS dues, array_agg(j.verdict ORDER BY j.ord) AS verdicts,
        array_agg((j.s).task ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS tasks,
        array_agg(((j.s).payload || jsonb_build_object('_cron', jsonb_build_object(
            'ts', to_char(j.due AT TIME ZONE 'UTC', CASE WHEN j.due = date_trunc('second', j.due)
                THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END),
            'backfilled', j.backfilled, 'schedule', (j.s).name)))::text ORDER BY j.ord)
            FILTER (WHERE j.verdict = 'enqueued') AS payloads,
        array_agg((j.s).queue ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS queues,
        array_agg(j.run_at ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS run_ats,
        array_agg((j.s).priority::integer ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS priorities,
        array_agg((j.s).max_attempts::integer ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS attempt_limits,
        bool_or(j.job_key IS NOT NULL) AS has_keys,
        array_agg(j.job_key ORDER BY j.ord) FILTER (WHERE j.verdict = 'enqueued') AS keys,
        array_agg(CASE WHEN (j.s).overlap = 'skip' THEN 'unsafe_dedupe' ELSE 'replace' END ORDER BY j.ord)
            FILTER (WHERE j.verdict = 'enqueued') AS key_modes
    INTO fires FROM judged AS j;

    RETURN QUERY
    WITH added AS MATERIALIZED (
        -- Without keys all ordinals are 0, and the rows stand in the order of the input.
        SELECT array_agg(e.job_id ORDER BY e.ordinal, e.place) AS jobs,
            array_agg(e.job_priority ORDER BY e.ordinal, e.place) AS priorities,
            array_agg(e.job_run_at ORDER BY e.ordinal, e.place) AS run_ats
        FROM mainspring.enqueue(fires.tasks, fires.payloads, fires.queues, fires.run_ats, fires.priorities,
            fires.attempt_limits, CASE WHEN fires.has_keys THEN fires.keys END,
            CASE WHEN fires.has_keys THEN fires.key_modes END) WITH ORDINALITY
            AS e(ordinal, job_id, job_state, job_priority, job_run_at, place)
    ), listed AS (
        SELECT f.*, CASE WHEN f.verdict = 'enqueued'
            THEN count(*) FILTER (WHERE f.verdict = 'enqueued') OVER (ORDER BY f.ord) END AS nth
        FROM unnest(fires.ids, fires.names, fires.dues, fires.verdicts) WITH ORDINALITY
            AS f(id, name, due, verdict, ord)
    ), known AS MATERIALIZED (
        SELECT l.*, a.jobs[l.nth] AS job_id, a.priorities[l.nth] AS job_priority, a.run_ats[l.nth] AS job_run_at,
            fires.queues[l.nth] AS lane
        FROM listed AS l CROSS JOIN added AS a
    ), written AS (
        INSERT INTO mainspring.schedule_fires (due_at, job_id, triggered, schedule, outcome)
        SELECT k.due, k.job_id, are_triggered, k.name, k.verdict FROM known AS k
    )
    SELECT k.id, k.due, k.verdict, k.job_id, k.lane, k.job_priority, k.job_run_at FROM known AS k ORDER BY k.ord;
END $$;

-- Fires a schedule now, whether it is paused or not, and answers the fire: the job's id, or none where the overlap
-- policy skipped it. Answers NULL where there is no such schedule.
CREATE FUNCTION mainspring.trigger_schedule(name text)
RETURNS mainspring.schedule_fires
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := date_trunc('milliseconds', clock_timestamp());
    locked bigint;
    fired record;
    answer mainspring.schedule_fires;
BEGIN
    SELECT s.id INTO locked FROM mainspring.schedules AS s WHERE s.name = trigger_schedule.name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO fired
    FROM mainspring.fire_schedules(ARRAY[locked], ARRAY[moment], ARRAY[moment], ARRAY[false], true);
    UPDATE mainspring.schedules AS s
    SET last_fire_at = moment, last_outcome = fired.what, last_job_id = fired.job WHERE s.id = locked;
    answer.fired_at := clock_timestamp();
    answer.due_at := moment;
    answer.job_id := fired.job;
    answer.triggered := true;
    answer.schedule := trigger_schedule.name;
    answer.outcome := fired.what;
    RETURN answer;
END $$;
