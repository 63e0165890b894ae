-- Deletes jobs that died longer ago than `older_than`, the oldest first and at most `most`. Returns how many those were.
--
-- A job that cannot be deleted stays, with a warning that names the first one.
CREATE OR REPLACE FUNCTION mainspring.delete_dead_jobs(older_than interval, most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    swept record;
BEGIN
    SELECT s.* INTO swept FROM mainspring.sweep_dead_jobs(older_than, most) AS s;
    IF swept.stuck > 0 THEN
        RAISE WARNING '% dead jobs cannot be deleted, the first is %', swept.stuck, swept.problem;
    END IF;
    RETURN swept.done;
END $$;
