-- Locks jobs that others are to wait for, in the order of their ids, and marks them. Returns how each of them stands: `NULL` if it
-- can still succeed, or its ending. One that neither the table nor the history has is not returned.
--
-- The lock keeps an ending from being missed: it comes before this transaction, or after it. A job that is marked already can be
-- shared by several transactions.
CREATE OR REPLACE FUNCTION mainspring.lock_parents(ids bigint[])
RETURNS TABLE (parent bigint, ending text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = on
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    absent bigint[];
BEGIN
    PERFORM FROM mainspring.jobs AS j WHERE j.id = ANY (ids) AND j.linked ORDER BY j.id FOR SHARE;
    PERFORM FROM mainspring.jobs AS j WHERE j.id = ANY (ids) AND j.linked IS NULL ORDER BY j.id FOR NO KEY UPDATE;
    UPDATE mainspring.jobs AS j SET linked = true WHERE j.id = ANY (ids) AND j.linked IS NULL;
    absent := ARRAY(SELECT i FROM unnest(ids) AS i
        WHERE NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = i));
    RETURN QUERY SELECT j.id, CASE WHEN j.state = 'dead' THEN 'dead' END FROM mainspring.jobs AS j WHERE j.id = ANY (ids);
    IF absent <> '{}' THEN
        RETURN QUERY SELECT DISTINCT h.id, h.outcome FROM mainspring.history AS h WHERE h.id = ANY (absent);
    END IF;
END $$;
