-- Notifies all processes that other tasks are paused than before. The text is `tasks ORIGIN`: a process that made the change
-- knows its own origin.
CREATE OR REPLACE FUNCTION mainspring.tell_tasks_changed()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
RETURN pg_notify(mainspring.channel(), 'tasks ' || mainspring.notification_origin());
