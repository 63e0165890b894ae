-- Ends jobs as if they had succeeded: they are gone, with a line in the history. Answers `completed`, `running` or
-- `unknown`.
CREATE OR REPLACE FUNCTION mainspring.complete_jobs(ids bigint[], reason text DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    why text := mainspring.reason_or_default(reason, 'completed by request');
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    known bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b);
    ended mainspring.jobs[];
BEGIN
    WITH gone AS (
        DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (known) AND j.state <> 'running' RETURNING j.*)
    SELECT array_agg(g::mainspring.jobs) INTO ended FROM gone AS g;
    PERFORM mainspring.write_history(ended, 'succeeded', why);
    PERFORM mainspring.notify_after(before, ARRAY(SELECT e.id FROM unnest(ended) AS e));
    RETURN QUERY
    SELECT i.id, CASE WHEN b.state = 'running' THEN 'running' WHEN b.id IS NULL THEN 'unknown' ELSE 'completed' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
