-- Notifies all processes that other tasks are paused than before.
CREATE OR REPLACE FUNCTION mainspring.paused_tasks_changed()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.tell_tasks_changed();
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER paused_tasks_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.paused_tasks
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.paused_tasks_changed();
