-- Returns those of the ids that none of these jobs has, and that the history has. An act on such a job comes too late. The index
-- `history_id` finds them, whatever a session has switched off.
CREATE OR REPLACE FUNCTION mainspring.finished_jobs(ids bigint[], locked mainspring.jobs[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = on
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    absent bigint[] := ARRAY(SELECT i FROM unnest(ids) AS i WHERE i IS NOT NULL EXCEPT SELECT l.id FROM unnest(locked) AS l);
BEGIN
    IF absent = '{}' THEN
        RETURN absent;
    END IF;
    RETURN ARRAY(SELECT h.id FROM mainspring.history AS h WHERE h.id = ANY (absent));
END $$;
