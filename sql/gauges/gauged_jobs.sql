-- Returns the jobs of each state by task, and the parked ones by queue: counted where the indexes of the state are small, and
-- estimated where they are large. What has no estimate of its own is under the empty name.
CREATE OR REPLACE FUNCTION mainspring.gauged_jobs(may_walk boolean)
RETURNS TABLE (kind text, state text, name text, jobs bigint, measured text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH sizes AS MATERIALIZED (
        SELECT s.* FROM mainspring.state_sizes(may_walk) AS s
    ), counted AS MATERIALIZED (
        SELECT c.* FROM mainspring.count_jobs(ARRAY(SELECT s.state FROM sizes AS s WHERE s.small)) AS c
    ), totals AS MATERIALIZED (
        SELECT s.state, s.small AND t.jobs < mainspring.count_limit() AS exact, greatest(s.expected, t.jobs) AS jobs
        FROM sizes AS s
        CROSS JOIN LATERAL (SELECT coalesce(sum(c.jobs), 0)::bigint AS jobs FROM counted AS c WHERE c.state = s.state) AS t
    ), named AS MATERIALIZED (
        SELECT n.kind, c.state, n.name, sum(c.jobs)::bigint AS jobs, 'exact' AS measured
        FROM counted AS c JOIN totals AS t ON t.state = c.state AND t.exact
        CROSS JOIN LATERAL (VALUES ('task', c.task), ('queue', c.queue)) AS n(kind, name)
        WHERE n.name IS NOT NULL GROUP BY n.kind, c.state, n.name
        UNION ALL
        SELECT e.kind, e.state, e.name, e.jobs, 'estimated'
        FROM mainspring.estimate_jobs(ARRAY(SELECT t.state FROM totals AS t WHERE NOT t.exact)) AS e
    )
    SELECT n.kind, n.state, n.name, n.jobs, n.measured FROM named AS n
    UNION ALL
    SELECT k.kind, t.state, '', CASE WHEN t.exact THEN 0 ELSE greatest(t.jobs - k.jobs, 0) END,
        CASE WHEN t.exact THEN 'exact' ELSE 'estimated' END
    FROM totals AS t CROSS JOIN LATERAL (
        SELECT v.kind, (SELECT coalesce(sum(n.jobs), 0)::bigint FROM named AS n WHERE n.kind = v.kind AND n.state = t.state) AS jobs
        FROM (VALUES ('task'), ('queue')) AS v(kind)
        WHERE v.kind = 'task' OR t.state = 'parked'
    ) AS k;
$$;
