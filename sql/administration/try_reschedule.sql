-- Moves one locked job back among the waiting ones, for `reschedule_jobs`. Returns its result: `rescheduled`, `key_taken` if the
-- job was dead and a living job has taken its key, or `refused` if the database does not let the row be changed.
CREATE OR REPLACE FUNCTION mainspring.try_reschedule(event mainspring.job_event)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    broken text;
BEGIN
    PERFORM mainspring.move_jobs(ARRAY[event], false);
    RETURN 'rescheduled';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS broken = CONSTRAINT_NAME;
    IF broken = 'jobs_key' THEN
        RETURN 'key_taken';
    END IF;
    RAISE WARNING 'job % cannot be changed: %', event.id, SQLERRM;
    RETURN 'refused';
END $$;
