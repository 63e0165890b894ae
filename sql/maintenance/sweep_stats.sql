-- Turns old minutes into hours, and deletes hours that are older than 90 days. `done` counts both.
CREATE OR REPLACE FUNCTION mainspring.sweep_stats(OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    deleted bigint;
BEGIN
    stuck := 0;
    done := mainspring.roll_up_stats();
    DELETE FROM mainspring.stats WHERE span = 'hour' AND begins_at < mainspring.now() - interval '90 days';
    GET DIAGNOSTICS deleted = ROW_COUNT;
    done := done + deleted;
END $$;
