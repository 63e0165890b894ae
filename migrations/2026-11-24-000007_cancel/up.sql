-- Cancelling: waiting jobs end at once, running ones are asked to. Whoever cancels and whoever runs the job may be
-- different processes, so the request is kept in the row, and a notification only makes it quick.

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

-- Cancels jobs. A waiting one is gone, with a line in the history; a running one is told, and ends as cancelled unless it
-- succeeds first. Answers a row for each id, in the order of the input: `cancelled`, `cancelling` (it runs), `dead` (it has
-- ended: nothing is changed) or `unknown`.
CREATE FUNCTION mainspring.cancel_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    why text := coalesce(nullif(cancel_jobs.reason, ''), 'cancelled by request');
    ended mainspring.jobs[];
    asked bigint[];
    lanes text[];
BEGIN
    IF char_length(why) > 1000 THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', HINT = 'Nothing was stored.',
            MESSAGE = format('reason must be at most 1000 characters, got %s', char_length(why));
    END IF;
    PERFORM FROM mainspring.jobs AS j WHERE j.id = ANY (ids) ORDER BY j.id FOR UPDATE;
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j
        WHERE j.id = ANY (ids) AND j.state IN ('scheduled', 'parked', 'ready') RETURNING j.*)
    SELECT array_agg(g::mainspring.jobs), array_agg(DISTINCT g.queue) FILTER (WHERE g.queue IS NOT NULL AND g.state = 'ready')
    INTO ended, lanes FROM gone AS g;
    WITH told AS (
        UPDATE mainspring.jobs AS j SET cancel_reason = why, updated_at = clock_timestamp()
        WHERE j.id = ANY (ids) AND j.state = 'running' RETURNING j.id, j.worker_id)
    SELECT array_agg(t.id) INTO asked FROM told AS t;
    PERFORM mainspring.write_history(ended, 'cancelled', why);
    PERFORM pg_notify('mainspring', 'cancel ' || w.worker_id) FROM (
        SELECT DISTINCT j.worker_id FROM mainspring.jobs AS j WHERE j.id = ANY (asked)) AS w;
    IF lanes IS NOT NULL THEN
        -- They held slots of their queues.
        PERFORM mainspring.wake(0, clock_timestamp(), lanes);
    END IF;
    RETURN QUERY
    SELECT i.id, CASE
        WHEN i.id = ANY (ARRAY(SELECT e.id FROM unnest(ended) AS e)) THEN 'cancelled'
        WHEN i.id = ANY (asked) THEN 'cancelling'
        WHEN EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = i.id) THEN 'dead'
        ELSE 'unknown' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) ORDER BY i.ord;
END $$;
