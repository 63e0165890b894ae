-- Moves one locked job back among the waiting ones, for `reschedule_jobs`. Returns false if the job was dead and a living job
-- has taken its key meanwhile.
CREATE OR REPLACE FUNCTION mainspring.try_reschedule(event mainspring.job_event)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.move_jobs(ARRAY[event], false);
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END $$;
