-- Adds what jobs wait for, and lets those wait that are not running. The caller holds the rows of the jobs and of their parents.
--
-- Whether a signal was sent is looked up after the commit: one that is sent at this moment sees the job then, or is seen.
CREATE OR REPLACE FUNCTION mainspring.add_waits(added mainspring.waits[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO mainspring.waits AS w (child, parent, signal, on_failure, ending)
    SELECT a.child, a.parent, a.signal, a.on_failure, a.ending FROM unnest(added) AS a
    ON CONFLICT (child, parent, signal) DO UPDATE SET on_failure = excluded.on_failure;
    UPDATE mainspring.jobs AS j
    SET linked = true, updated_at = mainspring.now(), state = CASE WHEN j.state <> 'running' AND EXISTS (
        SELECT FROM unnest(added) AS a WHERE a.child = j.id AND mainspring.is_open_wait(a.ending, a.on_failure))
        THEN 'waiting' ELSE j.state END
    WHERE j.id = ANY (ARRAY(SELECT DISTINCT a.child FROM unnest(added) AS a)) AND j.state <> 'dead';
    INSERT INTO mainspring.wait_events (job_id) SELECT DISTINCT a.child FROM unnest(added) AS a WHERE a.signal <> '';
    IF FOUND THEN
        PERFORM pg_notify(mainspring.channel(), 'waits');
    END IF;
END $$;
