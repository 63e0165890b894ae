-- Deletes recorded fires of schedules that are older than `older_than`, the oldest first and at most `most`, as `sweep` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_fires(older_than interval, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep(
        format('SELECT f.id::text FROM mainspring.schedule_fires AS f
            WHERE f.fired_at < mainspring.now() - %L::interval ORDER BY f.fired_at', older_than),
        'DELETE FROM mainspring.schedule_fires AS f WHERE f.id = ANY ($1::bigint[])', most) AS s;
$$;
