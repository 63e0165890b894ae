-- Adds numbers to those of the same time, span and name. Rows are locked in one order.
CREATE OR REPLACE FUNCTION mainspring.merge_stats(added mainspring.stats[])
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO mainspring.stats AS s SELECT a.* FROM unnest(added) AS a ORDER BY a.begins_at, a.kind, a.name
    ON CONFLICT ON CONSTRAINT stats_pkey DO UPDATE SET
        enqueued = s.enqueued + excluded.enqueued, started = s.started + excluded.started,
        succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed, dead = s.dead + excluded.dead,
        cancelled = s.cancelled + excluded.cancelled, snoozed = s.snoozed + excluded.snoozed,
        interrupted = s.interrupted + excluded.interrupted, lost = s.lost + excluded.lost,
        rescued = s.rescued + excluded.rescued, wait = mainspring.sum_bins(ARRAY[s.wait::text, excluded.wait::text]),
        run = mainspring.sum_bins(ARRAY[s.run::text, excluded.run::text]);
$$;
