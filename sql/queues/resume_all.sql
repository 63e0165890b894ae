-- Ends the pause of everything. Queues, tasks and schedules that were paused for themselves stay so. Returns false if
-- everything was not paused.
CREATE OR REPLACE FUNCTION mainspring.resume_all()
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM mainspring.all_paused;
    RETURN FOUND;
END $$;
