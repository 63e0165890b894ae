-- Locks the jobs that events concern, in the order of their ids, and returns them. Waits for their rows for a moment; then it leaves
-- out those that another transaction holds, and returns them apart.
CREATE OR REPLACE FUNCTION mainspring.lock_children(events mainspring.wait_events[], OUT held bigint[], OUT busy bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    children bigint[] := ARRAY(
        SELECT w.child FROM unnest(events) AS e JOIN mainspring.waits AS w ON w.parent = e.job_id AND w.parent > 0
        WHERE e.ending IS NOT NULL
        UNION SELECT w.child FROM unnest(events) AS e JOIN mainspring.waits AS w ON w.signal = e.signal AND w.signal <> ''
        UNION SELECT e.job_id FROM unnest(events) AS e WHERE e.ending IS NULL AND e.job_id IS NOT NULL);
BEGIN
    busy := '{}';
    BEGIN
        held := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.id = ANY (children) ORDER BY j.id FOR NO KEY UPDATE);
    EXCEPTION WHEN lock_not_available THEN
        held := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.id = ANY (children) ORDER BY j.id
            FOR NO KEY UPDATE SKIP LOCKED);
        busy := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.id = ANY (children) EXCEPT SELECT h FROM unnest(held) AS h);
    END;
END $$;
