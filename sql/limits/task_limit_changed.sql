-- Carries out a change of a task's limit, however it was made: running jobs count, those of a limit that is gone do not, and all
-- processes are notified.
CREATE OR REPLACE FUNCTION mainspring.task_limit_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM mainspring.task_slots AS s WHERE s.task = OLD.task;
    ELSIF NEW.concurrency IS NULL THEN
        DELETE FROM mainspring.task_slots AS s WHERE s.task = NEW.task;
    ELSE
        PERFORM mainspring.count_running_jobs(NEW.task);
    END IF;
    PERFORM mainspring.tell_tasks_changed();
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER task_limit_changed
    AFTER INSERT OR DELETE OR UPDATE OF task, concurrency, rate_limit, rate_period ON mainspring.task_limits
    FOR EACH ROW EXECUTE FUNCTION mainspring.task_limit_changed();
