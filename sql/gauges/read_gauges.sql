-- Returns what there is now, as JSON: jobs by state and task, parked jobs by queue, since when the oldest ready job of each task
-- waits, workers, the age of the horizon, and dead rows of the table of jobs.
CREATE OR REPLACE FUNCTION mainspring.read_gauges(horizon_transactions bigint, horizon_since timestamptz)
RETURNS jsonb
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH around AS MATERIALIZED (
        SELECT pg_stat_get_dead_tuples('mainspring.jobs'::regclass) AS dead_rows,
            extract(epoch FROM mainspring.now() - horizon_since)::float8 AS horizon_seconds
    ), care AS MATERIALIZED (
        -- A scan passes dead rows that a held horizon keeps from being removed.
        SELECT a.dead_rows <= 50000 OR a.horizon_seconds < 60 AS may_walk FROM around AS a
    ), jobs AS MATERIALIZED (
        SELECT j.* FROM care AS c CROSS JOIN LATERAL mainspring.gauged_names(c.may_walk) AS j
    )
    SELECT jsonb_build_object('sampled_at', mainspring.now(),
        'jobs', (SELECT jsonb_agg(jsonb_build_object('state', j.state, 'task', j.name, 'jobs', j.jobs, 'measured', j.measured)
            ORDER BY j.state, j.name) FROM jobs AS j WHERE j.kind = 'task'),
        'parked', (SELECT jsonb_agg(jsonb_build_object('queue', j.name, 'jobs', j.jobs, 'measured', j.measured) ORDER BY j.name)
            FROM jobs AS j WHERE j.kind = 'queue'),
        'oldest_ready', (SELECT coalesce(jsonb_agg(jsonb_build_object('task', o.task, 'seconds', o.seconds) ORDER BY o.task), '[]')
            FROM mainspring.oldest_ready(c.may_walk) AS o),
        'workers', w.living, 'lost_workers', w.lost, 'dead_rows', a.dead_rows,
        'horizon_transactions', horizon_transactions, 'horizon_seconds', a.horizon_seconds)
    FROM around AS a CROSS JOIN care AS c CROSS JOIN (
        SELECT count(*) FILTER (WHERE w.lives) AS living, count(*) FILTER (WHERE NOT w.lives) AS lost
        FROM (SELECT heartbeat_at >= mainspring.now() - least(timeout, interval '100 years') AS lives FROM mainspring.workers) AS w
    ) AS w;
$$;
