-- Removes the limits of a family of queues. Returns false if it had none.
CREATE OR REPLACE FUNCTION mainspring.remove_queue_family(family text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.queue_families AS f WHERE f.prefix = mainspring.family_prefix(family);
    RETURN FOUND;
END $$;
