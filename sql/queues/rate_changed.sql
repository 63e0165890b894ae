-- Fills the bucket of a queue or of a task's limit whose rate changes, however it changes.
CREATE OR REPLACE FUNCTION mainspring.rate_changed()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Without tokens the bucket is full, see `tokens_at`.
    NEW.tokens := NULL;
    NEW.tokens_at := NULL;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER rate_changed BEFORE UPDATE OF rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN ((OLD.rate_limit, OLD.rate_period) IS DISTINCT FROM (NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.rate_changed();

CREATE OR REPLACE TRIGGER rate_changed BEFORE UPDATE OF rate_limit, rate_period ON mainspring.task_limits FOR EACH ROW
    WHEN ((OLD.rate_limit, OLD.rate_period) IS DISTINCT FROM (NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.rate_changed();
