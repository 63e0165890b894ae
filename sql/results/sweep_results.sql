-- Deletes results of jobs that ended longer ago than `retention`, the oldest first and at most `most`, as `sweep` does. Those stay for
-- which another job waits or runs.
CREATE OR REPLACE FUNCTION mainspring.sweep_results(
    retention interval, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT s.* FROM mainspring.sweep(
        format('SELECT r.job_id::text FROM mainspring.results AS r WHERE r.finished_at < mainspring.now() - %L::interval
            AND NOT EXISTS (SELECT FROM mainspring.waits AS w WHERE w.parent = r.job_id AND w.parent > 0) ORDER BY r.finished_at', retention),
        'DELETE FROM mainspring.results AS r WHERE r.job_id = ANY ($1::bigint[])', most) AS s;
$$;
