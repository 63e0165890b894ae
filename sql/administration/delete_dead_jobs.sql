-- Deletes jobs that died longer ago than `older_than`, the oldest first and at most `most`. Returns how many those were.
CREATE OR REPLACE FUNCTION mainspring.delete_dead_jobs(older_than interval, most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    SELECT mainspring.refuse(coalesce(mainspring.retention_problem('older_than', older_than),
        CASE WHEN most < 0 THEN format('most must be at least 0, got %s', most) END));
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (ARRAY(
            SELECT d.id FROM mainspring.jobs AS d
            WHERE d.state = 'dead' AND d.updated_at < mainspring.now() - older_than
            ORDER BY d.updated_at LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone;
$$;
