-- Turns minutes that are older than two days into hours, whole hours at a time. Returns how many minutes that were. Of processes
-- that do so at once, one finds each minute.
CREATE OR REPLACE FUNCTION mainspring.roll_up_stats()
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    WITH gone AS (
        DELETE FROM mainspring.stats
        WHERE span = 'minute' AND begins_at < date_trunc('hour', mainspring.now() - interval '2 days', 'UTC') RETURNING *
    ), hours AS (
        INSERT INTO mainspring.stats AS s (begins_at, span, kind, name, enqueued, started, succeeded, failed, dead, cancelled,
            snoozed, interrupted, lost, rescued, wait, run)
        SELECT date_trunc('hour', begins_at, 'UTC'), 'hour', kind, name, sum(enqueued), sum(started), sum(succeeded), sum(failed),
            sum(dead), sum(cancelled), sum(snoozed), sum(interrupted), sum(lost), sum(rescued),
            mainspring.sum_bins(array_agg(wait::text)), mainspring.sum_bins(array_agg(run::text))
        FROM gone GROUP BY 1, kind, name ORDER BY 1, kind, name
        ON CONFLICT ON CONSTRAINT stats_pkey DO UPDATE SET
            enqueued = s.enqueued + excluded.enqueued, started = s.started + excluded.started,
            succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed, dead = s.dead + excluded.dead,
            cancelled = s.cancelled + excluded.cancelled, snoozed = s.snoozed + excluded.snoozed,
            interrupted = s.interrupted + excluded.interrupted, lost = s.lost + excluded.lost,
            rescued = s.rescued + excluded.rescued, wait = mainspring.sum_bins(ARRAY[s.wait::text, excluded.wait::text]),
            run = mainspring.sum_bins(ARRAY[s.run::text, excluded.run::text])
    )
    SELECT count(*) FROM gone;
$$;
