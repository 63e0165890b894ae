-- Stores the next fires of the schedules in `plans`, and the outcomes of their last ones.
CREATE OR REPLACE FUNCTION mainspring.advance_schedules(plans jsonb, fired mainspring.fired[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET enable_hashjoin = on
AS $$
BEGIN
    WITH planned AS MATERIALIZED (
        SELECT p.id, p.next, p.making_up_until, l.due_at, l.outcome, l.job_id
        FROM jsonb_to_recordset(plans) AS p(id bigint, next timestamptz, making_up_until timestamptz)
        LEFT JOIN (SELECT DISTINCT ON (f.schedule_id) f.* FROM unnest(fired) AS f ORDER BY f.schedule_id, f.due_at DESC) AS l
            ON l.schedule_id = p.id
    )
    -- The ids twice, so that the planner looks up each row and does not read them all.
    UPDATE mainspring.schedules AS s
    SET next_fire_at = p.next, making_up_until = p.making_up_until, error = NULL, late_since = NULL, late_reason = NULL,
        last_fire_at = mainspring.last_fire_after(s.last_fire_at, p.due_at), last_outcome = coalesce(p.outcome, s.last_outcome),
        last_job_id = CASE WHEN p.due_at IS NULL THEN s.last_job_id ELSE p.job_id END
    FROM planned AS p
    WHERE s.id = p.id AND s.id = ANY (ARRAY(SELECT q.id FROM planned AS q));
END $$;
