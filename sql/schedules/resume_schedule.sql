-- Lets a paused schedule fire again, from its next time on. Returns false if there is no such schedule.
CREATE OR REPLACE FUNCTION mainspring.resume_schedule(name text)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
RETURN mainspring.write_schedule(name, '{"paused": false}', false) IS NOT NULL;
