-- Deletes signals that were sent more than 90 days ago, the oldest first and at most `most`, as `sweep` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_signals(most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep(
        'SELECT s.name FROM mainspring.signals AS s
            WHERE s.sent_at < mainspring.now() - interval ''90 days'' ORDER BY s.sent_at',
        'DELETE FROM mainspring.signals AS s WHERE s.name = ANY ($1)', most) AS s;
$$;
