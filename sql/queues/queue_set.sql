-- Marks the limits of a queue as its own where a statement sets others than those of its family: set limits win over all
-- defaults, and their row is kept.
CREATE OR REPLACE FUNCTION mainspring.queue_set()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    family mainspring.queue_families := mainspring.family_of(NEW.name);
BEGIN
    IF (NEW.concurrency, NEW.rate_limit, NEW.rate_period)
        IS DISTINCT FROM (coalesce(family.concurrency, 1), family.rate_limit, family.rate_period) THEN
        NEW.source := 'own';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER queue_set BEFORE UPDATE OF concurrency, rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN (OLD.source = NEW.source AND NEW.source <> 'own'
        AND (OLD.concurrency, OLD.rate_limit, OLD.rate_period) IS DISTINCT FROM (NEW.concurrency, NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.queue_set();
