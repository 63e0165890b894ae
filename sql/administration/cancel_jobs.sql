-- Cancels jobs, and returns a result for each id, in the order of the input.
--
-- - `cancelled`: the job waited. It is gone, and history has a line about it.
-- - `cancelling`: the job runs. Its worker is notified, and it ends as cancelled unless it succeeds first.
-- - `dead`: the job is over, and stays as it is.
-- - `refused`: the database does not let the row be changed. If it waited, it is set apart.
-- - `finished`: it has succeeded or was cancelled, as the history says.
-- - `unknown`: there is no such job.
--
-- The worker may be another process, so the request is in the row. The notification only makes it quick.
CREATE OR REPLACE FUNCTION mainspring.cancel_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'cancelled by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    refused bigint[] := mainspring.act_on(before, 'cancel', why);
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    refused := refused
        || mainspring.request_cancels(ARRAY(SELECT b FROM unnest(before) AS b WHERE b.state = 'running'), why);
    RETURN QUERY
    SELECT i.id, CASE WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' WHEN b.id = ANY (refused) THEN 'refused'
        WHEN b.state = 'running' THEN 'cancelling' WHEN b.state = 'dead' THEN 'dead' ELSE 'cancelled' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
