-- Gives a new row of a queue the limits of its family. Limits that the author of the statement gave are the queue's own.
--
-- It excludes changes of families until the row is committed: these could not see the row. No other role can hold the lock of
-- the table, as it could an advisory one.
CREATE OR REPLACE FUNCTION mainspring.queue_inserted()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    family mainspring.queue_families;
BEGIN
    IF NEW.concurrency <> 1 OR NEW.rate_limit IS NOT NULL THEN
        NEW.source := 'own';
        RETURN NEW;
    END IF;
    LOCK TABLE mainspring.queue_families IN SHARE MODE;
    -- As `family_of`, whose plan the server would make again for each row.
    SELECT f.* INTO family FROM mainspring.queue_families AS f WHERE starts_with(NEW.name, f.prefix)
    ORDER BY char_length(f.prefix) DESC LIMIT 1;
    IF FOUND THEN
        NEW.concurrency := family.concurrency;
        NEW.rate_limit := family.rate_limit;
        NEW.rate_period := family.rate_period;
        NEW.source := family.prefix || '*';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER queue_inserted BEFORE INSERT ON mainspring.queues FOR EACH ROW
    WHEN (NEW.source = 'default') EXECUTE FUNCTION mainspring.queue_inserted();
