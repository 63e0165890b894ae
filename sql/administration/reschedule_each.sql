-- Moves locked jobs back among the waiting ones, for `reschedule_jobs`. Returns the jobs that were changed, those whose key a living
-- job has taken, and those that the database does not let be changed.
--
-- They are moved together. Only if that fails, each is moved in a subtransaction of its own: hundreds of those in one transaction slow
-- all sessions down.
CREATE OR REPLACE FUNCTION mainspring.reschedule_each(
    events mainspring.job_event[], OUT changed bigint[], OUT taken bigint[], OUT refused bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event mainspring.job_event;
    found text;
BEGIN
    taken := '{}';
    refused := '{}';
    BEGIN
        changed := ARRAY(SELECT m.job_id FROM mainspring.move_jobs(events, false) AS m);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        changed := '{}';
    END;
    FOREACH event IN ARRAY events LOOP
        found := mainspring.try_reschedule(event);
        changed := changed || CASE WHEN found = 'rescheduled' THEN ARRAY[event.id] END;
        taken := taken || CASE WHEN found = 'key_taken' THEN ARRAY[event.id] END;
        refused := refused || CASE WHEN found = 'refused' THEN ARRAY[event.id] END;
    END LOOP;
END $$;
