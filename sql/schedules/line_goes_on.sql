-- Returns whether a crontab line goes on as another living process has planned it.
CREATE OR REPLACE FUNCTION mainspring.line_goes_on(worker integer, old mainspring.schedules, new mainspring.schedules)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN (old.expression, old.zone) = (new.expression, new.zone) AND old.error IS NULL
    AND (old.next_fire_at IS NOT NULL OR old.plan_after IS NOT NULL)
    AND EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id <> worker AND old.name = ANY (w.lines)
        -- Two missed heartbeats: a killed process does not count for long.
        AND w.heartbeat_at > mainspring.now() - least(w.timeout, interval '1 day') * 0.4);
