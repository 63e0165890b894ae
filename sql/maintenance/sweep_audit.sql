-- Deletes lines of the audit log that are older than 90 days, the oldest first and at most `most`, as `sweep` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_audit(most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep(
        'SELECT a.id::text FROM mainspring.audit AS a
            WHERE a.acted_at < mainspring.now() - interval ''90 days'' ORDER BY a.acted_at',
        'DELETE FROM mainspring.audit AS a WHERE a.id = ANY ($1::bigint[])', most) AS s;
$$;
