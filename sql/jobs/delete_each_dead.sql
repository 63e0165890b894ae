-- Deletes dead jobs as `delete_dead_jobs` does, each in a subtransaction. Those that cannot be deleted stay, and those behind
-- them have their turn.
CREATE OR REPLACE FUNCTION mainspring.delete_each_dead(older_than interval, most bigint DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    old bigint;
    deleted bigint := 0;
BEGIN
    PERFORM mainspring.refuse(mainspring.retention_problem('older_than', older_than));
    FOR old IN
        SELECT d.id FROM mainspring.jobs AS d
        WHERE d.state = 'dead' AND d.updated_at < mainspring.now() - older_than ORDER BY d.updated_at
    LOOP
        BEGIN
            DELETE FROM mainspring.jobs AS j WHERE j.id = ANY (ARRAY(
                SELECT d.id FROM mainspring.jobs AS d WHERE d.id = old AND d.state = 'dead' FOR UPDATE SKIP LOCKED));
            deleted := deleted + CASE WHEN FOUND THEN 1 ELSE 0 END;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
        EXIT WHEN deleted >= most;
    END LOOP;
    RETURN deleted;
END $$;
