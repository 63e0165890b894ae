-- Adds what a process has counted since it last did so to the rows of this minute.
CREATE OR REPLACE FUNCTION mainspring.add_stats(counted jsonb)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.merge_stats(ARRAY(
        SELECT ROW(date_trunc('minute', mainspring.now(), 'UTC'), 'minute', c.kind, c.name, c.enqueued, c.started, c.succeeded,
            c.failed, c.dead, c.cancelled, c.snoozed, c.interrupted, c.lost, c.rescued, c.wait, c.run)::mainspring.stats
        FROM jsonb_populate_recordset(NULL::mainspring.stats, counted) AS c));
$$;
