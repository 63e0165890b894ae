-- Takes jobs out of the table without a trace in the history. Answers `deleted`, `running` or `unknown`.
CREATE OR REPLACE FUNCTION mainspring.delete_jobs(ids bigint[])
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    known bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b);
BEGIN
    DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (known) AND j.state <> 'running';
    PERFORM mainspring.notify_after(before, ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state <> 'running'));
    RETURN QUERY
    SELECT i.id, CASE WHEN b.state = 'running' THEN 'running' WHEN b.id IS NULL THEN 'unknown' ELSE 'deleted' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
