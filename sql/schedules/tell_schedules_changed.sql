-- Notifies every scheduler that a schedule has changed.
CREATE OR REPLACE FUNCTION mainspring.tell_schedules_changed()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
RETURN pg_notify(mainspring.channel(), 'schedules');
