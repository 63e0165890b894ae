-- Pauses a schedule. Fires that come due meanwhile are not made up for. Returns false if there is no such schedule.
CREATE OR REPLACE FUNCTION mainspring.pause_schedule(name text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
RETURN mainspring.write_schedule(name, '{"paused": true}', false) IS NOT NULL;
