-- Counts the jobs of `judged` that can be moved, by task and state.
, counted AS (
    SELECT j.task, CASE WHEN j.is_dead THEN 'dead' ELSE mainspring.waiting_state(j.queue, j.run_at, mainspring.now())::text END AS state,
        count(*) AS count
    FROM judged AS j WHERE j.reason IS NULL GROUP BY 1, 2
)
SELECT json_build_object('moved', (SELECT coalesce(json_agg(c ORDER BY c.task, c.state), '[]') FROM counted AS c))::text
