-- Returns the payload of a fire's job: that of the schedule, with the time of the fire as `_cron`, and the
-- name of the schedule unless it is a crontab line.
CREATE OR REPLACE FUNCTION mainspring.fire_payload(schedule mainspring.schedules, due timestamptz, backfilled boolean)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN (schedule).payload || jsonb_build_object('_cron', jsonb_build_object(
    'ts', to_char(due AT TIME ZONE 'UTC', CASE WHEN due = date_trunc('second', due)
        THEN 'YYYY-MM-DD"T"HH24:MI:SS"Z"' ELSE 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' END),
    'backfilled', backfilled) || CASE (schedule).owner WHEN 'people'
        THEN jsonb_build_object('schedule', (schedule).name) ELSE '{}' END);
