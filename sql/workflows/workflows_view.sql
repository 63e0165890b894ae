-- Shows workflows with the counts of their jobs, without their properties, to roles that may read. A callback is not counted.
--
-- - `done`: it has ended, and is not dead. `dead`: it can be retried.
-- - `cancelled_at`: when it was cancelled as a whole, unless it was retried since. It takes no more jobs.
-- - `state`: `finished`, `running`, `waiting` for signals or for jobs outside, or `failed`: it goes on only when a person acts.
--
-- It looks at each job of a workflow. A condition on the id bounds how many those are.
CREATE OR REPLACE VIEW mainspring.workflows_view AS
SELECT f.id, f.name, f.created_at, f.callback, c.total, c.total - c.unfinished - c.dead AS done, c.dead, c.waiting, c.running,
    CASE WHEN c.stored = 0 THEN 'finished' WHEN c.moving > 0 THEN 'running' WHEN c.failed > 0 THEN 'failed' ELSE 'waiting' END AS state,
    f.cancelled_at
FROM mainspring.workflows AS f
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE m.job_id IS DISTINCT FROM f.callback) AS total,
        count(*) FILTER (WHERE j.state <> 'dead' AND m.job_id IS DISTINCT FROM f.callback) AS unfinished,
        count(*) FILTER (WHERE j.state = 'dead' AND m.job_id IS DISTINCT FROM f.callback) AS dead,
        count(*) FILTER (WHERE j.state = 'waiting' AND m.job_id IS DISTINCT FROM f.callback) AS waiting,
        count(*) FILTER (WHERE j.state = 'running' AND m.job_id IS DISTINCT FROM f.callback) AS running,
        count(j.id) AS stored, count(*) FILTER (WHERE j.state NOT IN ('waiting', 'held', 'dead')) AS moving,
        count(*) FILTER (WHERE j.state IN ('held', 'dead') OR (j.state = 'waiting' AND EXISTS (SELECT FROM mainspring.waits AS w
            WHERE w.child = j.id AND w.ending <> 'succeeded' AND w.on_failure = 'hold'))) AS failed
    FROM mainspring.workflow_jobs AS m LEFT JOIN mainspring.jobs AS j ON j.id = m.job_id WHERE m.workflow_id = f.id) AS c;
