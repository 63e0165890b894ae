-- Ends jobs as if they had succeeded, with a line in the history. Returns a result for each id, in the order of the input:
-- `completed`, `running` (left alone), `refused` by the database, `finished` (the history has it), or `unknown`.
CREATE OR REPLACE FUNCTION mainspring.complete_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'completed by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    refused bigint[] := mainspring.act_on(before, 'complete', why);
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    RETURN QUERY
    SELECT i.id, CASE WHEN b.id = ANY (refused) THEN 'refused'
        WHEN b.state = 'running' THEN 'running' WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' ELSE 'completed' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
