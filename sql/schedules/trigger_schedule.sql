-- Fires a schedule now, even if it is paused, and returns the fire. The fire has no job if the overlap policy skipped it. Returns
-- NULL if there is no such schedule.
CREATE OR REPLACE FUNCTION mainspring.trigger_schedule(name text)
RETURNS mainspring.schedule_fires
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    moment timestamptz := date_trunc('milliseconds', mainspring.now());
    locked bigint;
    fired mainspring.fired;
    answer mainspring.schedule_fires;
BEGIN
    SELECT s.id INTO locked FROM mainspring.schedules AS s
    WHERE s.owner = 'people' AND s.name = trigger_schedule.name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT * INTO fired
    FROM mainspring.fire_schedules(ARRAY[locked], ARRAY[moment], ARRAY[moment], ARRAY[false], true);
    UPDATE mainspring.schedules AS s
    SET last_fire_at = mainspring.last_fire_after(s.last_fire_at, moment), last_outcome = fired.outcome, last_job_id = fired.job_id WHERE s.id = locked;
    answer.fired_at := mainspring.now();
    answer.due_at := moment;
    answer.job_id := fired.job_id;
    answer.triggered := true;
    answer.owner := 'people';
    answer.schedule := trigger_schedule.name;
    answer.outcome := fired.outcome;
    RETURN answer;
END $$;
