-- Removes at most `most` queues that have only default settings and no job. Admission creates such rows. Returns how many were
-- removed.
CREATE OR REPLACE FUNCTION mainspring.remove_unused_queues(most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.refuse(CASE WHEN most < 0 THEN format('most must be at least 0, got %s', most) END);
    WITH gone AS (
        DELETE FROM mainspring.queues AS q WHERE q.name = ANY (ARRAY(
            SELECT u.name FROM mainspring.queues AS u
            WHERE u.concurrency = 1 AND NOT u.paused AND u.rate_limit IS NULL
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = u.name)
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j
                    WHERE j.queue = u.name AND j.state IN ('ready', 'running'))
            LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
