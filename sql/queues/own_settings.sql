-- Marks the limits of a queue as its own where a statement of another author sets them: set limits win over all defaults, and
-- their row is kept.
CREATE OR REPLACE FUNCTION mainspring.own_settings()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.source := 'own';
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER queue_inserted BEFORE INSERT ON mainspring.queues FOR EACH ROW
    WHEN (NEW.source = 'default' AND (NEW.concurrency <> 1 OR NEW.rate_limit IS NOT NULL))
    EXECUTE FUNCTION mainspring.own_settings();

CREATE OR REPLACE TRIGGER queue_set BEFORE UPDATE OF concurrency, rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN (OLD.source = NEW.source
        AND (OLD.concurrency, OLD.rate_limit, OLD.rate_period) IS DISTINCT FROM (NEW.concurrency, NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.own_settings();
