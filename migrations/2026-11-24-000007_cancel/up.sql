-- Cancelling: waiting jobs end at once, running ones are asked to. Whoever cancels and whoever runs the job may be
-- different processes, so the request is kept in the row, and a notification only makes it quick. With it comes what all
-- acts by hand share, and what becomes of jobs whose worker is gone.

-- Writes lines about jobs that ended, where history is kept: a process that keeps it has made the partition of the day.
CREATE FUNCTION mainspring.write_history(ended mainspring.jobs[], outcome text, reason text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
BEGIN
    IF to_regclass('mainspring.history_' || to_char(moment AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NOT NULL THEN
        INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, worker_id, priority, attempts,
            outcome, task, queue, key, reason)
        SELECT moment, e.locked_at, e.created_at, e.run_at, e.id, e.worker_id, e.priority, e.attempts,
            write_history.outcome, e.task, e.queue, e.key, write_history.reason
        FROM unnest(ended) AS e;
    END IF;
END $$;

-- Ends one attempt as succeeded within the transaction of its handler, and answers whether its lease was still held. A line goes
-- into the history where that is kept, as with acts by hand: a missing partition of the day does not fail what the handler did.
CREATE FUNCTION mainspring.complete_attempt(attempt_id bigint, attempt_lease bigint, keep_history boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ended mainspring.jobs;
BEGIN
    DELETE FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease RETURNING j.* INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF keep_history THEN
        PERFORM mainspring.write_history(ARRAY[ended], 'succeeded', NULL);
    END IF;
    RETURN true;
END $$;

-- What becomes of a running job whose worker is gone: it waits again, unless it must not be run again or has no attempt left.
CREATE FUNCTION mainspring.state_when_lost(job mainspring.jobs)
RETURNS mainspring.job_state
LANGUAGE sql
RETURN CASE WHEN (job).superseded OR (job).cancel_reason IS NOT NULL OR (job).attempts >= (job).max_attempts
    THEN 'dead'::mainspring.job_state
    ELSE mainspring.waiting_state((job).queue, (job).run_at, clock_timestamp()) END;

-- What it says about that, with the reason why its worker is gone.
CREATE FUNCTION mainspring.error_when_lost(job mainspring.jobs, reason text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat_ws(': ', CASE WHEN (job).superseded THEN 'superseded' END, 'cancelled: ' || (job).cancel_reason, reason);

-- The reason that a person gave, or the usual one. One that is too long is refused.
CREATE FUNCTION mainspring.reason_given(reason text, usual text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF char_length(reason) > 1000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
            MESSAGE = format('reason must be at most 1000 characters, got %s', char_length(reason));
    END IF;
    RETURN coalesce(nullif(reason, ''), usual);
END $$;

-- Locks the jobs in the order of their ids, as enqueueing and settling do, and answers what each is now. An act touches these
-- alone: a job that was committed since is answered as `unknown`.
CREATE FUNCTION mainspring.jobs_by_hand(ids bigint[])
RETURNS SETOF mainspring.jobs
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM mainspring.jobs AS j WHERE j.id = ANY (ids) ORDER BY j.id FOR UPDATE;
$$;

-- Tells the workers what follows from an act: jobs that were changed may be due, and a job that was `ready` before held a
-- slot of its queue.
CREATE FUNCTION mainspring.wake_after(before mainspring.jobs[], changed bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := clock_timestamp();
    due record;
    freed text[];
BEGIN
    SELECT min(j.priority) AS priority, min(j.run_at) AS run_at, array_agg(DISTINCT j.queue) AS queues,
        coalesce(bool_or(j.run_at > moment AND j.run_at < moment + interval '20 seconds'), false) AS soon
    INTO due FROM mainspring.jobs AS j WHERE j.id = ANY (changed) AND j.state IN ('scheduled', 'parked', 'ready');
    IF due.run_at IS NOT NULL THEN
        PERFORM mainspring.wake(due.priority, due.run_at, due.queues, due.soon);
    END IF;
    SELECT array_agg(DISTINCT b.queue) INTO freed FROM unnest(before) AS b
    WHERE b.id = ANY (changed) AND b.queue IS NOT NULL AND b.state IN ('ready', 'running');
    IF freed IS NOT NULL THEN
        PERFORM mainspring.wake(0, moment, freed);
    END IF;
END $$;

-- Cancels jobs. A waiting one is gone, with a line in the history; a running one is told, and ends as cancelled unless it
-- succeeds first. Answers a row for each id, in the order of the input: `cancelled`, `cancelling` (it runs), `dead` (it has
-- ended: nothing is changed) or `unknown`.
CREATE FUNCTION mainspring.cancel_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_given(reason, 'cancelled by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.jobs_by_hand(ids) AS b);
    ended mainspring.jobs[];
BEGIN
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j
        WHERE j.id = ANY (ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state IN ('scheduled', 'parked', 'ready')))
        RETURNING j.*)
    SELECT array_agg(g::mainspring.jobs) INTO ended FROM gone AS g;
    PERFORM mainspring.write_history(ended, 'cancelled', why);
    PERFORM mainspring.wake_after(before, ARRAY(SELECT e.id FROM unnest(ended) AS e));
    UPDATE mainspring.jobs AS j SET cancel_reason = why, updated_at = clock_timestamp()
    WHERE j.id = ANY (ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state = 'running'));
    PERFORM pg_notify('mainspring', 'cancel ' || w.worker_id)
    FROM (SELECT DISTINCT b.worker_id FROM unnest(before) AS b WHERE b.state = 'running') AS w;
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'cancelling'
        WHEN b.state = 'dead' THEN 'dead' ELSE 'cancelled' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
