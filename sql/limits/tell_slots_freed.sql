-- Notifies other processes that jobs of these tasks have ended, so that the limits of the tasks may let others through. The text
-- is `slot ORIGIN TASK`.
CREATE OR REPLACE FUNCTION mainspring.tell_slots_freed(tasks text[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT pg_notify(mainspring.channel(), format('slot %s %s', mainspring.notification_origin(), u.task))
    FROM unnest(tasks) AS u(task);
END;
