-- Deletes operations that ended more than 90 days ago, the oldest first and at most `most`, as `sweep` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_operations(most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep(
        'SELECT o.id::text FROM mainspring.operations AS o
            WHERE o.ended_at < mainspring.now() - interval ''90 days'' ORDER BY o.ended_at',
        'DELETE FROM mainspring.operations AS o WHERE o.id = ANY ($1::bigint[])', most) AS s;
$$;
