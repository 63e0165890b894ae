-- Ends waiting jobs as if their last attempt had failed: they are dead, keep the reason, and hold no key. Returns a result for
-- each id, in the order of the input: `failed`, `running` or `dead` (left alone), `refused` by the database, `finished` (the history
-- has it), or `unknown`.
CREATE OR REPLACE FUNCTION mainspring.fail_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'failed by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    refused bigint[] := mainspring.act_on(before, 'fail', why);
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id = ANY (refused) THEN 'refused' WHEN b.state IN ('running', 'dead') THEN b.state::text
        WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' ELSE 'failed' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
