-- Stops the crontab lines that no process has any more. Their rows stay, so that a line that comes back knows its last
-- fire. Passes over rows that another transaction holds.
CREATE OR REPLACE FUNCTION mainspring.retire_lines()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
    UPDATE mainspring.schedules AS t SET next_fire_at = NULL, plan_after = NULL, making_up_until = NULL
    WHERE t.id = ANY (ARRAY(
        SELECT s.id FROM mainspring.schedules AS s
        WHERE s.owner = 'code' AND (s.next_fire_at IS NOT NULL OR s.plan_after IS NOT NULL)
            AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE s.name = ANY (w.lines))
        FOR UPDATE SKIP LOCKED));
$$;
