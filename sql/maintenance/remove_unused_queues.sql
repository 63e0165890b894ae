-- Removes at most `most` queues that have no settings of their own and no job. Admission creates such rows. Returns how many were
-- removed.
--
-- A queue that cannot be removed stays, with a warning that names the first one.
CREATE OR REPLACE FUNCTION mainspring.remove_unused_queues(most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    swept record;
BEGIN
    SELECT s.* INTO swept FROM mainspring.sweep_queues(most) AS s;
    IF swept.stuck > 0 THEN
        RAISE WARNING '% unused queues cannot be removed, the first is %', swept.stuck, swept.problem;
    END IF;
    RETURN swept.done;
END $$;
