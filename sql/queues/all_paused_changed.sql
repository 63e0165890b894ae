-- Notifies all processes that everything is paused, or no longer. Claims look up what is paused, and cron looks at what is due.
CREATE OR REPLACE FUNCTION mainspring.all_paused_changed()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.tell_tasks_changed();
    PERFORM mainspring.tell_schedules_changed();
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER all_paused_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.all_paused
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.all_paused_changed();
