-- Excludes other changes of families, and new rows of queues, until the change of families that begins now is committed.
CREATE OR REPLACE FUNCTION mainspring.queue_families_change()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(mainspring.lock_class(), 2);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER queue_families_change BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.queue_families
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.queue_families_change();
