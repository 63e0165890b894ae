-- Returns what jobs did since then, by task and by queue: the minutes and hours that begin at or after that time, added up.
CREATE OR REPLACE FUNCTION mainspring.stats_since(since timestamptz)
RETURNS TABLE (kind text, name text, enqueued bigint, started bigint, succeeded bigint, failed bigint, dead bigint,
    cancelled bigint, snoozed bigint, interrupted bigint, lost bigint, rescued bigint, wait bigint[], run bigint[])
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.kind, s.name, sum(s.enqueued)::bigint, sum(s.started)::bigint, sum(s.succeeded)::bigint, sum(s.failed)::bigint,
        sum(s.dead)::bigint, sum(s.cancelled)::bigint, sum(s.snoozed)::bigint, sum(s.interrupted)::bigint, sum(s.lost)::bigint,
        sum(s.rescued)::bigint, mainspring.sum_bins(array_agg(s.wait::text)), mainspring.sum_bins(array_agg(s.run::text))
    FROM mainspring.stats AS s WHERE s.kind <> 'error' AND s.begins_at >= stats_since.since
    GROUP BY s.kind, s.name ORDER BY s.kind, s.name;
$$;
