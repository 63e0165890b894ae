-- Adds the errors that a process has counted since it last did so to their groups, and to the numbers of this minute.
--
-- The numbers are rows of `stats` of the kind `error`, under the fingerprint of the group. Errors without a task have no group, and
-- neither have those of a new kind while there are 500 groups. They count under the empty name.
CREATE OR REPLACE FUNCTION mainspring.add_errors(counted jsonb)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    WITH found AS MATERIALIZED (
        SELECT left(encode(sha256(convert_to(concat(c.task, E'\n', c.summary), 'UTF8')), 'hex'), 12) AS fingerprint, c.task,
            c.summary, sum(c.failed) AS failed, sum(c.dead) AS dead, min(c.job_id) AS job_id, min(c.attempt) AS attempt,
            min(c.error) AS error
        FROM jsonb_to_recordset(counted) AS c(task text, summary text, failed bigint, dead bigint, job_id bigint,
            attempt smallint, error text)
        GROUP BY c.task, c.summary
    ), grouped AS (
        INSERT INTO mainspring.error_groups AS g (fingerprint, task, summary, job_id, attempt, error)
        SELECT f.fingerprint, f.task, f.summary, f.job_id, f.attempt, mainspring.cut_text(f.error)
        FROM found AS f
        WHERE f.task <> '' AND (EXISTS (SELECT FROM mainspring.error_groups AS e WHERE e.fingerprint = f.fingerprint)
            OR (SELECT count(*) FROM mainspring.error_groups) < 500)
        ORDER BY f.fingerprint
        ON CONFLICT (fingerprint) DO UPDATE SET last_seen = excluded.last_seen, job_id = excluded.job_id,
            attempt = excluded.attempt, error = excluded.error
        RETURNING g.fingerprint
    ), named AS (
        SELECT coalesce(g.fingerprint, '') AS name, sum(f.failed) AS failed, sum(f.dead) AS dead
        FROM found AS f LEFT JOIN grouped AS g ON g.fingerprint = f.fingerprint GROUP BY coalesce(g.fingerprint, '')
    )
    SELECT mainspring.add_stats((SELECT jsonb_agg(jsonb_build_object('kind', 'error', 'name', n.name, 'failed', n.failed,
        'dead', n.dead, 'enqueued', 0, 'started', 0, 'succeeded', 0, 'cancelled', 0, 'snoozed', 0, 'interrupted', 0,
        'lost', 0, 'rescued', 0)) FROM named AS n));
$$;
