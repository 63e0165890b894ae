-- Adds what jobs wait for, as `add_waits` does, of jobs that may have taken the place of stored ones under their keys. Refuses a job that
-- would wait for itself, by way of the jobs that wait for the one whose place it takes.
CREATE OR REPLACE FUNCTION mainspring.add_late_waits(added mainspring.waits[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    -- No other job waits for a new one yet.
    awaited CONSTANT bigint[] := ARRAY(SELECT DISTINCT a.child FROM unnest(added) AS a WHERE EXISTS (
        SELECT FROM mainspring.waits AS w WHERE w.parent = a.child AND w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)));
BEGIN
    PERFORM mainspring.refuse(format('after must be other jobs, got job %s itself', a.child))
    FROM unnest(added) AS a WHERE a.child = a.parent LIMIT 1;
    PERFORM mainspring.add_waits(added);
    IF awaited <> '{}' THEN
        PERFORM mainspring.refuse(mainspring.late_circle(awaited));
    END IF;
END $$;
