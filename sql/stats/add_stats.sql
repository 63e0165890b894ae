-- Adds what a process has counted since it last did so to the rows of this minute. Rows are locked in one order.
CREATE OR REPLACE FUNCTION mainspring.add_stats(counted jsonb)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO mainspring.stats AS s (begins_at, span, kind, name, enqueued, started, succeeded, failed, dead, cancelled,
        snoozed, interrupted, lost, rescued, wait, run)
    SELECT date_trunc('minute', mainspring.now(), 'UTC'), 'minute', c.kind, c.name, c.enqueued, c.started, c.succeeded, c.failed,
        c.dead, c.cancelled, c.snoozed, c.interrupted, c.lost, c.rescued, c.wait, c.run
    FROM jsonb_to_recordset(counted) AS c(kind text, name text, enqueued bigint, started bigint, succeeded bigint, failed bigint,
        dead bigint, cancelled bigint, snoozed bigint, interrupted bigint, lost bigint, rescued bigint, wait bigint[], run bigint[])
    ORDER BY c.kind, c.name
    ON CONFLICT ON CONSTRAINT stats_pkey DO UPDATE SET
        enqueued = s.enqueued + excluded.enqueued, started = s.started + excluded.started,
        succeeded = s.succeeded + excluded.succeeded, failed = s.failed + excluded.failed, dead = s.dead + excluded.dead,
        cancelled = s.cancelled + excluded.cancelled, snoozed = s.snoozed + excluded.snoozed,
        interrupted = s.interrupted + excluded.interrupted, lost = s.lost + excluded.lost,
        rescued = s.rescued + excluded.rescued, wait = mainspring.sum_bins(ARRAY[s.wait::text, excluded.wait::text]),
        run = mainspring.sum_bins(ARRAY[s.run::text, excluded.run::text]);
$$;
