-- Shows what there was at the last sample, one number a row, for people and for panels. An empty name stands for all tasks, or
-- queues, that have no row of their own. `measured` says whether jobs were counted (`exact`) or taken from the planner
-- (`estimated`).
CREATE OR REPLACE VIEW mainspring.gauges_view AS
SELECT g.gauge, g.state, g.task, g.queue, g.value, g.measured, s.sampled_at
FROM mainspring.sample AS s CROSS JOIN LATERAL (
    SELECT 'jobs' AS gauge, j.state, j.task, NULL AS queue, j.jobs AS value, j.measured
    FROM jsonb_to_recordset(s.gauges -> 'jobs') AS j(state text, task text, jobs double precision, measured text)
    UNION ALL
    SELECT 'parked_jobs', NULL, NULL, p.queue, p.jobs, p.measured
    FROM jsonb_to_recordset(s.gauges -> 'parked') AS p(queue text, jobs double precision, measured text)
    UNION ALL
    SELECT 'oldest_ready_seconds', NULL, o.task, NULL, o.seconds, NULL
    FROM jsonb_to_recordset(s.gauges -> 'oldest_ready') AS o(task text, seconds double precision)
    UNION ALL
    SELECT n.gauge, NULL, NULL, NULL, (s.gauges ->> n.gauge)::double precision, NULL
    FROM unnest(ARRAY['workers', 'lost_workers', 'horizon_seconds', 'horizon_transactions', 'dead_rows']) AS n(gauge)
    WHERE s.gauges ? n.gauge
) AS g;
