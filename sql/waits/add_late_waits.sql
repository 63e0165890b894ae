-- Adds what jobs wait for, as `add_waits` does, of jobs that may have taken the place of stored ones under their keys. Refuses a circle.
--
-- A circle through waits that were there before enters them at a parent that waits itself, and leaves them at a job for which another
-- one waits. New jobs have neither. What another transaction adds at this moment is not seen.
CREATE OR REPLACE FUNCTION mainspring.add_late_waits(added mainspring.waits[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    waiting bigint[] := '{}';
BEGIN
    PERFORM mainspring.refuse(format('after must be other jobs, got job %s itself', a.child))
    FROM unnest(added) AS a WHERE a.child = a.parent LIMIT 1;
    IF EXISTS (SELECT FROM unnest(added) AS a WHERE EXISTS (
        SELECT FROM mainspring.waits AS w WHERE w.parent = a.child AND w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)))
    THEN
        waiting := ARRAY(SELECT DISTINCT a.parent FROM unnest(added) AS a WHERE EXISTS (
            SELECT FROM mainspring.waits AS w WHERE w.child = a.parent AND w.parent > 0 AND mainspring.is_open_wait(w.ending, w.on_failure)));
    END IF;
    PERFORM mainspring.add_waits(added);
    IF waiting <> '{}' THEN
        PERFORM mainspring.refuse(mainspring.late_circle(waiting));
    END IF;
END $$;
