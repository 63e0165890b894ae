-- Settings of queues and tasks that anyone may change at run time, from SQL, from Rust and from the command line. Whoever
-- changes a row of `queues` or `paused_tasks`, by these functions or by hand, is noticed by all processes at the commit.
--
-- Every statement creates something new, so none of them blocks a live table for longer than a trigger takes to make.

-- What follows from a change of a queue: its surplus goes back behind the gate, so that a pause or a narrower
-- limit holds for every job that no worker has claimed; then the workers are told to look at the gate, and those who
-- listen to events of a pause or its end: `paused NAME`, `resumed NAME`.
CREATE FUNCTION mainspring.queue_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    changed text := CASE WHEN TG_OP = 'DELETE' THEN OLD.name ELSE NEW.name END;
    slots bigint := CASE WHEN TG_OP = 'DELETE' THEN 1 WHEN NEW.paused THEN 0 ELSE NEW.concurrency END;
    surplus bigint;
BEGIN
    SELECT least(count(*) FILTER (WHERE j.state = 'ready'), count(*) - slots) INTO surplus
    FROM mainspring.jobs AS j
    WHERE j.queue = changed AND j.queue IS NOT NULL AND j.state IN ('ready', 'running');
    IF slots = 0 THEN
        surplus := NULL;
    END IF;
    IF surplus IS NULL OR surplus > 0 THEN
        UPDATE mainspring.jobs AS j SET state = 'parked', updated_at = clock_timestamp()
        WHERE j.id = ANY (ARRAY(
            SELECT r.id FROM mainspring.jobs AS r
            WHERE r.queue = changed AND r.queue IS NOT NULL AND r.state IN ('ready', 'running') AND r.state = 'ready'
            ORDER BY r.turn_at DESC, r.id DESC LIMIT surplus FOR UPDATE SKIP LOCKED));
    END IF;
    -- What went back is parked where a gate may no longer look: from the very beginning on.
    PERFORM mainspring.wake(-32768, 'epoch', ARRAY[changed]);
    IF TG_OP <> 'DELETE' AND NEW.paused <> coalesce(OLD.paused, false) THEN
        PERFORM pg_notify('mainspring', CASE WHEN NEW.paused THEN 'paused ' ELSE 'resumed ' END || changed);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER queue_added AFTER INSERT ON mainspring.queues FOR EACH ROW
    WHEN (NEW.paused OR NEW.concurrency <> 1 OR NEW.rate_limit IS NOT NULL)
    EXECUTE FUNCTION mainspring.queue_changed();
CREATE TRIGGER queue_changed AFTER UPDATE OF concurrency, paused, rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN ((OLD.concurrency, OLD.paused, OLD.rate_limit, OLD.rate_period)
        IS DISTINCT FROM (NEW.concurrency, NEW.paused, NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.queue_changed();
CREATE TRIGGER queue_removed AFTER DELETE ON mainspring.queues FOR EACH ROW
    WHEN (OLD.paused OR OLD.concurrency <> 1 OR OLD.rate_limit IS NOT NULL)
    EXECUTE FUNCTION mainspring.queue_changed();

-- What is wrong with a queue's name and settings, as a person is told, or NULL.
CREATE FUNCTION mainspring.queue_problem(name text, concurrency bigint, rate_limit bigint, rate_period interval)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN name IS NULL THEN 'queue must be 1 to 128 characters, got none'
    WHEN char_length(name) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(name))
    WHEN concurrency NOT BETWEEN 1 AND 1000000
        THEN format('concurrency must be 1 to 1000000, got %s', concurrency)
    WHEN rate_limit NOT BETWEEN 1 AND 1000000
        THEN format('rate_limit must be 1 to 1000000, got %s', rate_limit)
    WHEN rate_period NOT BETWEEN interval '1 millisecond' AND interval '366 days'
        THEN format('rate_period must be 1 millisecond to 366 days, got %s', rate_period)
    WHEN (rate_limit IS NULL) <> (rate_period IS NULL)
        THEN format('rate_limit and rate_period must be given together, got only %s',
            CASE WHEN rate_limit IS NULL THEN 'rate_period' ELSE 'rate_limit' END)
END;

-- Sets all that a queue's row says but the pause, which stays: what is not given has its default. A rate that changes
-- begins with a full bucket.
CREATE FUNCTION mainspring.set_queue(
    name text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := mainspring.queue_problem(name, coalesce(concurrency, 1), rate_limit, rate_period);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    INSERT INTO mainspring.queues AS q (name, concurrency, rate_limit, rate_period)
    VALUES (set_queue.name, coalesce(set_queue.concurrency, 1), set_queue.rate_limit, set_queue.rate_period)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET concurrency = excluded.concurrency, rate_limit = excluded.rate_limit,
        rate_period = excluded.rate_period, updated_at = clock_timestamp(),
        tokens = CASE WHEN (q.rate_limit, q.rate_period) IS NOT DISTINCT FROM (excluded.rate_limit, excluded.rate_period)
            THEN q.tokens END,
        tokens_at = CASE WHEN (q.rate_limit, q.rate_period) IS NOT DISTINCT FROM (excluded.rate_limit, excluded.rate_period)
            THEN q.tokens_at END;
END $$;

-- Lets no job of the queue through until it is resumed; running ones go on. Answers whether that is a change.
CREATE FUNCTION mainspring.pause_queue(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := mainspring.queue_problem(name, 1, NULL, NULL);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    INSERT INTO mainspring.queues AS q (name, paused) VALUES (pause_queue.name, true)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET paused = true, updated_at = clock_timestamp() WHERE NOT q.paused;
    RETURN FOUND;
END $$;

-- Ends the pause of a queue. Answers whether that is a change.
CREATE FUNCTION mainspring.resume_queue(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE mainspring.queues AS q SET paused = false, updated_at = clock_timestamp()
    WHERE q.name = resume_queue.name AND q.paused;
    RETURN FOUND;
END $$;

-- Tells all processes that other tasks are paused than before: `tasks ORIGIN`.
CREATE FUNCTION mainspring.paused_tasks_changed()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify('mainspring', 'tasks ' || coalesce(nullif(current_setting('mainspring.origin', true), ''), '-'));
    RETURN NULL;
END $$;

CREATE TRIGGER paused_tasks_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.paused_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.paused_tasks_changed();

-- Lets no process claim jobs of the task until it is resumed; running ones go on. Answers whether that is a change.
CREATE FUNCTION mainspring.pause_task(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := mainspring.problem_of(task, NULL, NULL, NULL, NULL, NULL, NULL);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    INSERT INTO mainspring.paused_tasks (task) VALUES (pause_task.task) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Ends the pause of a task. Answers whether that is a change.
CREATE FUNCTION mainspring.resume_task(task text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.paused_tasks AS p WHERE p.task = resume_task.task;
    RETURN FOUND;
END $$;

-- Removes rows of queues that say nothing: defaults only, no job at the gate or through it. Such rows are made by
-- admission. At most `most` at once; answers how many.
CREATE FUNCTION mainspring.remove_unused_queues(most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM mainspring.queues AS q WHERE q.name = ANY (ARRAY(
            SELECT u.name FROM mainspring.queues AS u
            WHERE u.concurrency = 1 AND NOT u.paused AND u.rate_limit IS NULL
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = u.name)
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j
                    WHERE j.queue = u.name AND j.queue IS NOT NULL AND j.state IN ('ready', 'running'))
            LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
