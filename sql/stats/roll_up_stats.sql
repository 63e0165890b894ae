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
        SELECT ROW(date_trunc('hour', begins_at, 'UTC'), 'hour', kind, name, sum(enqueued), sum(started), sum(succeeded),
            sum(failed), sum(dead), sum(cancelled), sum(snoozed), sum(interrupted), sum(lost), sum(rescued),
            mainspring.sum_bins(array_agg(wait::text)), mainspring.sum_bins(array_agg(run::text)))::mainspring.stats AS hour
        FROM gone GROUP BY date_trunc('hour', begins_at, 'UTC'), kind, name
    ), merged AS MATERIALIZED (
        SELECT mainspring.merge_stats(ARRAY(SELECT hour FROM hours))
    )
    SELECT count(*) FROM gone CROSS JOIN merged;
$$;
