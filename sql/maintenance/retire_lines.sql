-- Stops the crontab lines that no process has any more, as `sweep` does. Their rows stay, so that a line that comes back knows
-- its last fire.
CREATE OR REPLACE FUNCTION mainspring.retire_lines(OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep(
        'SELECT s.name FROM mainspring.schedules AS s
            WHERE s.owner = ''code'' AND (s.next_fire_at IS NOT NULL OR s.plan_after IS NOT NULL)
                AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE s.name = ANY (w.lines))',
        'UPDATE mainspring.schedules AS s SET next_fire_at = NULL, plan_after = NULL, making_up_until = NULL
            WHERE s.owner = ''code'' AND s.name = ANY ($1)', 1000000) AS s;
$$;
