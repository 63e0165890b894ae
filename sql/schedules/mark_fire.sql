-- Writes into the row of a schedule that it is faulty, or that its fire is late, and why.
CREATE OR REPLACE FUNCTION mainspring.mark_fire(ended mainspring.fired)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    IF ended.outcome = 'refused' THEN
        UPDATE mainspring.schedules AS s
        SET error = ended.problem, next_fire_at = NULL, making_up_until = NULL, late_since = NULL, late_reason = NULL
        WHERE s.id = ended.schedule_id;
    ELSE
        UPDATE mainspring.schedules AS s
        SET late_since = coalesce(s.late_since, mainspring.now()), late_reason = ended.problem
        WHERE s.id = ended.schedule_id AND (s.late_since IS NULL OR s.late_reason IS DISTINCT FROM ended.problem);
    END IF;
END $$;
