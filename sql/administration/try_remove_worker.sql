-- Removes the row of one worker, or returns what is in the way: a trigger or a foreign key of a stranger.
CREATE OR REPLACE FUNCTION mainspring.try_remove_worker(worker integer)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    left_over boolean;
BEGIN
    DELETE FROM mainspring.workers AS w WHERE w.id = worker;
    SELECT EXISTS (SELECT FROM mainspring.workers AS w WHERE w.id = worker) INTO left_over;
    RETURN CASE WHEN left_over THEN 'a trigger keeps the row' END;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
