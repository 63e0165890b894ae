-- Cancels jobs, and returns a result for each id, in the order of the input.
--
-- - `cancelled`: the job waited. It is gone, and history has a line about it.
-- - `cancelling`: the job runs. Its worker is notified, and it ends as cancelled unless it succeeds first.
-- - `dead`: the job is over, and stays as it is.
-- - `unknown`: there is no such job.
--
-- The worker may be another process, so the request is in the row. The notification only makes it quick.
CREATE OR REPLACE FUNCTION mainspring.cancel_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'cancelled by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    ended bigint[] := ARRAY(SELECT m.job_id FROM mainspring.move_jobs(ARRAY(
        SELECT mainspring.new_event(b.id, 'cancel', reason => why) FROM unnest(before) AS b), true) AS m);
BEGIN
    PERFORM mainspring.notify_after(before, ended);
    UPDATE mainspring.jobs AS j SET cancel_reason = why, updated_at = mainspring.now()
    WHERE j.id = ANY (ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state = 'running'));
    PERFORM pg_notify(mainspring.channel(), 'cancel ' || w.worker_id)
    FROM (SELECT DISTINCT b.worker_id FROM unnest(before) AS b WHERE b.state = 'running') AS w;
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'cancelling'
        WHEN b.state = 'dead' THEN 'dead' ELSE 'cancelled' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
