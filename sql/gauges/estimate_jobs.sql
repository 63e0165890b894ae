-- Returns how many jobs in these states the planner expects of the most common tasks, and of the most common queues if they are
-- parked. Only the owner of the table may read these statistics.
CREATE OR REPLACE FUNCTION mainspring.estimate_jobs(states text[])
RETURNS TABLE (kind text, state text, name text, jobs bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT k.kind, s.most_common_vals[i][1], s.most_common_vals[i][2], (s.most_common_freqs[i] * t.expected)::bigint
    FROM (VALUES ('jobs_state_and_task', 'task'), ('jobs_state_and_queue', 'queue')) AS k(statistics, kind)
    JOIN pg_stats_ext AS s ON s.statistics_name = k.statistics
        AND s.statistics_schemaname = (SELECT n.nspname FROM pg_namespace AS n WHERE n.oid = 'mainspring'::regnamespace)
    CROSS JOIN mainspring.expected_rows('mainspring.jobs') AS t
    CROSS JOIN LATERAL generate_subscripts(s.most_common_vals, 1) AS i
    WHERE s.most_common_vals[i][1] = ANY (states) AND s.most_common_vals[i][2] IS NOT NULL
        AND (k.kind = 'task' OR s.most_common_vals[i][1] = 'parked');
$$;
