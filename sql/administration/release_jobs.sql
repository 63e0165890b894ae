-- Lets jobs in the states `waiting` and `held` wait for nothing more: they run when their time has come. Returns a result for each id, in the
-- order of the input: `released`, `not_waiting` (left alone), `refused` by the database, `finished` (the history has it), or
-- `unknown`.
CREATE OR REPLACE FUNCTION mainspring.release_jobs(ids bigint[])
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    refused bigint[] := mainspring.act_on(before, 'release', NULL);
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    RETURN QUERY
    SELECT i.id, CASE WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' WHEN b.id = ANY (refused) THEN 'refused'
        WHEN b.state IN ('waiting', 'held') THEN 'released' ELSE 'not_waiting' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
