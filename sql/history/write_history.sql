-- Writes a line about each job that ended.
--
-- It writes nothing if the partition of the day is missing: then no process keeps a history.
CREATE OR REPLACE FUNCTION mainspring.write_history(ended mainspring.jobs[], outcome text, reason text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := mainspring.now();
BEGIN
    IF to_regclass('mainspring.history_' || to_char(moment AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NOT NULL THEN
        INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, worker_id, priority, attempts,
            deaths, outcome, task, queue, key, reason, errors)
        SELECT moment, e.locked_at, e.created_at, e.run_at, e.id, e.worker_id, e.priority, e.attempts,
            nullif(e.deaths, 0), write_history.outcome, e.task, e.queue, e.key, write_history.reason, e.errors
        FROM unnest(ended) AS e;
    END IF;
END $$;
