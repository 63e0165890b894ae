-- Releases those of the held jobs that wait for nothing more, and returns them. They are due when their time has come, and not
-- before now, so that the time for which they waited is not taken for a delay of the workers.
--
-- Parents mostly end in the order of their ids, so the last one is looked at first.
CREATE OR REPLACE FUNCTION mainspring.release_children(held bigint[])
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    events mainspring.job_event[] := ARRAY(
        SELECT mainspring.new_event(j.id, 'release', run_at => greatest(j.run_at, mainspring.now()))
        FROM mainspring.jobs AS j WHERE j.id = ANY (held) AND j.state = 'waiting' AND NOT EXISTS (
            SELECT FROM mainspring.waits AS w WHERE w.child = j.id AND mainspring.is_open_wait(w.ending, w.on_failure)
            ORDER BY w.child DESC, w.parent DESC, w.signal DESC LIMIT 1)
        ORDER BY j.id);
BEGIN
    IF events = '{}' THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(SELECT m.job_id FROM mainspring.move_or_isolate(events, false) AS m);
END $$;
