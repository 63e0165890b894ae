-- What a person may do to jobs and workers by hand. Each function takes a list of ids and answers a row for each, in the
-- order of the list: what was done, or why it was not. A running job belongs to its worker, so it is left alone here;
-- `cancel_jobs` asks it to end, and `release_workers` takes everything from a worker that is gone.
--
-- The functions run as their owner (SECURITY DEFINER), so that a role needs nothing but EXECUTE on them.
-- Every statement creates something new, so none of them blocks a live table.

-- Ends jobs as if they had succeeded: they are gone, with a line in the history. Answers `completed`, `running` or
-- `unknown`.
CREATE FUNCTION mainspring.complete_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_given(reason, 'completed by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    known bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b);
    ended mainspring.jobs[];
BEGIN
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (known) AND j.state <> 'running' RETURNING j.*)
    SELECT array_agg(g::mainspring.jobs) INTO ended FROM gone AS g;
    PERFORM mainspring.write_history(ended, 'succeeded', why);
    PERFORM mainspring.wake_after(before, ARRAY(SELECT e.id FROM unnest(ended) AS e));
    RETURN QUERY
    SELECT i.id, CASE WHEN b.state = 'running' THEN 'running' WHEN b.id IS NULL THEN 'unknown' ELSE 'completed' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;

-- Ends waiting jobs as if their last attempt had failed: they are dead, kept with the reason, and hold no key any more.
-- Answers `failed`, `running`, `dead` (already) or `unknown`.
CREATE FUNCTION mainspring.fail_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_given(reason, 'failed by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    known bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b);
BEGIN
    UPDATE mainspring.jobs AS j SET state = 'dead', last_error = why, updated_at = clock_timestamp()
    WHERE j.id = ANY (known) AND j.state IN ('scheduled', 'parked', 'ready');
    PERFORM mainspring.wake_after(before, known);
    RETURN QUERY
    SELECT i.id, CASE WHEN b.state IN ('running', 'dead') THEN b.state::text
        WHEN b.id IS NULL THEN 'unknown' ELSE 'failed' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;

-- Takes jobs out of the table without a trace in the history. Answers `deleted`, `running` or `unknown`.
CREATE FUNCTION mainspring.delete_jobs(ids bigint[])
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    known bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b);
BEGIN
    DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (known) AND j.state <> 'running';
    PERFORM mainspring.wake_after(before, ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state <> 'running'));
    RETURN QUERY
    SELECT i.id, CASE WHEN b.state = 'running' THEN 'running' WHEN b.id IS NULL THEN 'unknown' ELSE 'deleted' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;

-- Puts one locked job back among the waiting ones, NULL meaning that a field stays, and answers whether it went there: not
-- when it was dead and another living job has taken its key.
CREATE FUNCTION mainspring.put_back(
    job mainspring.jobs, new_run_at timestamptz, new_priority integer, new_attempts integer, new_max_attempts integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE mainspring.jobs AS j
    SET state = mainspring.waiting_state(j.queue, coalesce(new_run_at, j.run_at), clock_timestamp()),
        run_at = coalesce(new_run_at, j.run_at), priority = coalesce(new_priority, j.priority),
        attempts = coalesce(new_attempts, j.attempts), max_attempts = coalesce(new_max_attempts, j.max_attempts),
        superseded = false, turn_at = NULL, updated_at = clock_timestamp()
    WHERE j.id = job.id;
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END $$;

-- Changes when, how urgently and how often jobs are tried; NULL leaves a field as it is. A dead job lives again. Answers
-- `rescheduled`, or `running`, `unknown`, `key_taken` (dead, and a living job has its key) or `no_attempt_left` (as many
-- attempts as it may have are counted: give fewer `attempts` or more `max_attempts`).
CREATE FUNCTION mainspring.reschedule_jobs(
    ids bigint[], run_at timestamptz DEFAULT NULL, priority integer DEFAULT NULL, attempts integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    problem text := mainspring.problem_of('-', NULL, NULL, priority, max_attempts, NULL, NULL);
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    job mainspring.jobs;
    changed bigint[] := '{}';
    taken bigint[] := '{}';
BEGIN
    IF attempts NOT BETWEEN 0 AND 32766 THEN
        problem := format('attempts must be 0 to 32766, got %s', attempts);
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
    -- In the order of keys, as enqueueing takes them.
    FOR job IN SELECT b.* FROM unnest(before) AS b ORDER BY b.key NULLS FIRST, b.id LOOP
        CONTINUE WHEN job.state = 'running'
            OR coalesce(attempts, job.attempts) >= coalesce(max_attempts, job.max_attempts);
        IF mainspring.put_back(job, run_at, priority, attempts, max_attempts) THEN
            changed := changed || job.id;
        ELSE
            taken := taken || job.id;
        END IF;
    END LOOP;
    PERFORM mainspring.wake_after(before, changed);
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'running'
        WHEN b.id = ANY (changed) THEN 'rescheduled' WHEN b.id = ANY (taken) THEN 'key_taken'
        ELSE 'no_attempt_left' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;

-- Lets dead jobs live again, due at `run_at` (default now), with all their attempts. Answers `retried`, or `running`,
-- `waiting` (it is not dead), `key_taken` (a living job has its key) or `unknown`.
CREATE FUNCTION mainspring.retry_jobs(ids bigint[], run_at timestamptz DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    dead bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state = 'dead');
BEGIN
    RETURN QUERY
    WITH put_back AS MATERIALIZED (
        SELECT r.job_id AS id, r.result FROM mainspring.reschedule_jobs(
            dead, coalesce(retry_jobs.run_at, clock_timestamp()), attempts => 0) AS r)
    SELECT i.id, CASE WHEN p.result = 'rescheduled' THEN 'retried' WHEN p.id IS NOT NULL THEN p.result
        WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'running' ELSE 'waiting' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id
    LEFT JOIN put_back AS p ON p.id = i.id ORDER BY i.ord;
END $$;

-- Takes everything from workers: their rows go, and the jobs they hold wait again, as after a rescue: the attempt is spent,
-- and a job without attempts left is dead. A worker that lives after all notices with its next heartbeat, stops what it
-- runs, and goes on under a new id. Answers `released` and how many jobs, or `unknown`, for each id in order.
CREATE FUNCTION mainspring.release_workers(ids integer[])
RETURNS TABLE (worker_id integer, result text, jobs bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    known integer[];
    held mainspring.jobs[];
BEGIN
    WITH gone AS (DELETE FROM mainspring.workers AS w WHERE w.id = ANY (ids) RETURNING w.id)
    SELECT array_agg(g.id) INTO known FROM gone AS g;
    -- Found by the index of running jobs, locked by that of ids, and still theirs when they are: to sort what is found instead
    -- would read all jobs where sorts are switched off.
    held := ARRAY(SELECT j FROM mainspring.jobs AS j
        WHERE j.id = ANY (ARRAY(SELECT r.id FROM mainspring.jobs AS r
                WHERE r.state = 'running' AND r.worker_id = ANY (release_workers.ids)))
            AND j.state = 'running' AND j.worker_id = ANY (release_workers.ids)
        ORDER BY j.id FOR UPDATE);
    UPDATE mainspring.jobs AS j
    SET state = mainspring.state_when_lost(j),
        last_error = mainspring.error_when_lost(j, 'worker released: its jobs were taken from it by request'),
        lease = NULL, worker_id = NULL, locked_at = NULL, progress = NULL, progress_note = NULL, cancel_reason = NULL,
        turn_at = NULL, updated_at = clock_timestamp()
    WHERE j.id = ANY (ARRAY(SELECT h.id FROM unnest(held) AS h));
    PERFORM mainspring.wake_after(held, ARRAY(SELECT h.id FROM unnest(held) AS h));
    RETURN QUERY
    SELECT i.id, CASE WHEN i.id = ANY (known) OR h.jobs > 0 THEN 'released' ELSE 'unknown' END, h.jobs
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord)
    CROSS JOIN LATERAL (SELECT count(*) AS jobs FROM unnest(held) AS h WHERE h.worker_id = i.id) AS h
    ORDER BY i.ord;
END $$;

-- Does the same to all workers whose time-out is over, which any running scheduler does by itself.
CREATE FUNCTION mainspring.release_lost_workers()
RETURNS TABLE (worker_id integer, result text, jobs bigint)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.worker_id, r.result, r.jobs FROM mainspring.release_workers(ARRAY(
        SELECT w.id FROM mainspring.workers AS w WHERE w.heartbeat_at + w.timeout < clock_timestamp()
        ORDER BY w.id FOR UPDATE SKIP LOCKED)) AS r;
$$;

-- Deletes dead jobs that died longer ago than `older_than`, oldest first, at most `most` at once; answers how many. The clock is
-- asked apart: a volatile condition cannot be looked up in the index, and all that is dead would be read.
CREATE FUNCTION mainspring.delete_dead_jobs(older_than interval, most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (ARRAY(
            SELECT d.id FROM mainspring.jobs AS d
            WHERE d.state = 'dead' AND d.updated_at < (SELECT clock_timestamp()) - older_than
            ORDER BY d.updated_at LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
