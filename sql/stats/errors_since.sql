-- Returns the groups of errors that have come since then, with the numbers of the minutes and hours that begin at or after that time.
-- Errors without a group have an empty fingerprint, task and summary.
CREATE OR REPLACE FUNCTION mainspring.errors_since(since timestamptz)
RETURNS TABLE (fingerprint text, task text, summary text, failed bigint, dead bigint, first_seen timestamptz,
    last_seen timestamptz, job_id bigint, attempt smallint, error text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH counted AS (
        SELECT coalesce(g.fingerprint, '') AS fingerprint, sum(s.failed)::bigint AS failed, sum(s.dead)::bigint AS dead,
            min(s.begins_at) AS first_at, max(s.begins_at) AS last_at
        FROM mainspring.stats AS s LEFT JOIN mainspring.error_groups AS g ON g.fingerprint = s.name
        WHERE s.kind = 'error' AND s.begins_at >= errors_since.since GROUP BY coalesce(g.fingerprint, '')
    )
    SELECT c.fingerprint, coalesce(g.task, ''), coalesce(g.summary, ''), c.failed, c.dead,
        coalesce(g.first_seen, c.first_at), coalesce(g.last_seen, c.last_at), g.job_id, g.attempt, g.error
    FROM counted AS c LEFT JOIN mainspring.error_groups AS g ON g.fingerprint = c.fingerprint
    ORDER BY c.failed + c.dead DESC, c.fingerprint;
$$;
