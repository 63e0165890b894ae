-- Notifies all processes that other tasks are paused than before. The text is `tasks ORIGIN`: a process that made the change
-- knows its own origin.
CREATE OR REPLACE FUNCTION mainspring.paused_tasks_changed()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_notify(mainspring.channel(), 'tasks ' || coalesce(nullif(current_setting('mainspring.origin', true), ''), '-'));
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER paused_tasks_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.paused_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.paused_tasks_changed();
