-- Turns old minutes into hours, and deletes hours that are older than 90 days. `done` counts both.
--
-- Groups of errors go when their last error is as old. Of more than 400, those go whose last error is the oldest, so that there is
-- room for new ones. Their numbers then belong to no group.
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
    DELETE FROM mainspring.error_groups WHERE last_seen < mainspring.now() - interval '90 days' OR fingerprint IN (
        SELECT g.fingerprint FROM mainspring.error_groups AS g ORDER BY g.last_seen DESC, g.fingerprint OFFSET 400);
END $$;
