-- Excludes other changes of families until the one that begins now is committed. The lock that a change has anyway excludes new
-- rows of queues, see `queue_inserted`.
CREATE OR REPLACE FUNCTION mainspring.queue_families_change()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- It conflicts with itself, and not with the lock that any change has taken before its trigger.
    LOCK TABLE mainspring.queue_families IN SHARE UPDATE EXCLUSIVE MODE;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER queue_families_change BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.queue_families
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.queue_families_change();
