-- Deletes a schedule. The jobs that it has added stay. Returns false if there is no such schedule.
CREATE OR REPLACE FUNCTION mainspring.delete_schedule(name text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    DELETE FROM mainspring.schedules AS s WHERE s.owner = 'people' AND s.name = delete_schedule.name;
    IF FOUND THEN
        PERFORM mainspring.tell_schedules_changed();
    END IF;
    RETURN FOUND;
END $$;
