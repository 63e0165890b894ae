-- Stops a schedule from firing; what is due meanwhile is not made up for. Answers whether there is such a schedule.
CREATE OR REPLACE FUNCTION mainspring.pause_schedule(name text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN mainspring.write_schedule(name, '{"paused": true}', false) IS NOT NULL;
