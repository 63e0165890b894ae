-- Lets dead jobs live again with all their attempts and no death, due at `run_at` or now. Returns a result for each id, in
-- the order of the input: `retried`, `running`, `waiting` (it is not dead), `key_taken` (a living job has its key), `refused`
-- by the database, `finished` (the history has it), or `unknown`.
CREATE OR REPLACE FUNCTION mainspring.retry_jobs(ids bigint[], run_at timestamptz DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    dead bigint[] := ARRAY(SELECT b.id FROM unnest(before) AS b WHERE b.state = 'dead');
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    RETURN QUERY
    WITH put_back AS MATERIALIZED (
        SELECT r.job_id AS id, r.result FROM mainspring.reschedule_jobs(
            dead, coalesce(retry_jobs.run_at, mainspring.now()), attempts => 0) AS r)
    SELECT i.id, CASE WHEN p.result = 'rescheduled' THEN 'retried' WHEN p.id IS NOT NULL THEN p.result
        WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'running' ELSE 'waiting' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id
    LEFT JOIN put_back AS p ON p.id = i.id ORDER BY i.ord;
END $$;
