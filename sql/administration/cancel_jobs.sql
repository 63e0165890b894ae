-- Cancels jobs. A waiting one is gone, with a line in the history; a running one is told, and ends as cancelled unless it
-- succeeds first. Answers a row for each id, in the order of the input: `cancelled`, `cancelling` (it runs), `dead` (it has
-- ended: nothing is changed) or `unknown`.
CREATE OR REPLACE FUNCTION mainspring.cancel_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'cancelled by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    ended mainspring.jobs[];
BEGIN
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j
        WHERE j.id = ANY (ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state IN ('scheduled', 'parked', 'ready')))
        RETURNING j.*)
    SELECT array_agg(g::mainspring.jobs) INTO ended FROM gone AS g;
    PERFORM mainspring.write_history(ended, 'cancelled', why);
    PERFORM mainspring.notify_after(before, ARRAY(SELECT e.id FROM unnest(ended) AS e));
    UPDATE mainspring.jobs AS j SET cancel_reason = why, updated_at = clock_timestamp()
    WHERE j.id = ANY (ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state = 'running'));
    PERFORM pg_notify('mainspring', 'cancel ' || w.worker_id)
    FROM (SELECT DISTINCT b.worker_id FROM unnest(before) AS b WHERE b.state = 'running') AS w;
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'cancelling'
        WHEN b.state = 'dead' THEN 'dead' ELSE 'cancelled' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
