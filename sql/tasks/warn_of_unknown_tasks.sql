-- Raises a warning with the SQLSTATE MS404 if no living worker has a handler for one of the tasks.
CREATE OR REPLACE FUNCTION mainspring.warn_of_unknown_tasks(tasks text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    unknown text[] := mainspring.unknown_tasks(tasks);
BEGIN
    IF cardinality(unknown) > 0 THEN
        RAISE WARNING USING ERRCODE = 'MS404',
            MESSAGE = format('no living worker knows the task %s', left(array_to_string(unknown, ', '), 500)),
            HINT = 'Its jobs wait until a worker with a handler for it starts. Look for a misspelt name.';
    END IF;
END $$;
