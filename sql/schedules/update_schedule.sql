-- Changes the fields that `changes` names, as in '{"expression": "*/5 * * * *", "queue": null}'. A null means the default.
-- Returns false if there is no such schedule.
CREATE OR REPLACE FUNCTION mainspring.update_schedule(name text, changes jsonb)
RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
RETURN mainspring.write_schedule(name, changes, false) IS NOT NULL;
