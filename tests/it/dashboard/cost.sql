-- Jobs from one number to another, a workflow for each hundred of them, and half as many lines of history. The states are as in a busy application.
INSERT INTO mainspring.jobs (id, task, run_at, state, queue, key, attempts, max_attempts, lease, worker_id, locked_at, last_error)
SELECT n, CASE WHEN n % 10000 = 77 THEN 'rare' ELSE 'task-' || n % 20 END,
    mainspring.now() + CASE WHEN s.state = 'scheduled' THEN n % 86400 ELSE -(n % 86400) END * interval '1 second',
    s.state::mainspring.job_state,
    CASE WHEN s.state = 'parked' OR n % 5 = 0 THEN 'queue-' || n % 50 END,
    CASE WHEN n % 4 = 0 THEN 'key-' || n END,
    CASE WHEN s.state = 'dead' THEN 3 ELSE 0 END, 3, NULL, NULL, NULL,
    CASE WHEN s.state = 'dead' THEN 'no route to host ' || n END
FROM generate_series(:from, :to) AS n,
    LATERAL (SELECT CASE WHEN n % 100 = 1 THEN 'dead' WHEN n % 10 < 3 THEN 'scheduled' WHEN n % 10 < 5 THEN 'parked'
        ELSE 'ready' END AS state) AS s;

INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, priority, attempts, outcome, task)
SELECT t.at, t.at, t.at, t.at, -n, 0, 1, CASE WHEN n % 50 = 0 THEN 'cancelled' ELSE 'succeeded' END, 'task-' || n % 20
FROM generate_series(:from, :to, 2) AS n,
    LATERAL (SELECT greatest(date_trunc('day', mainspring.now(), 'UTC'), mainspring.now() - n % 600 * interval '1 second') AS at) AS t;

INSERT INTO mainspring.workflows (name) SELECT 'flow-' || n FROM generate_series((:from + 99) / 100, :to / 100) AS n;

INSERT INTO mainspring.workflow_jobs (workflow_id, job_id, parents)
SELECT (n + 99) / 100, n, CASE WHEN n % 100 = 1 THEN '{}' ELSE ARRAY[n - 1] END FROM generate_series(:from, :to) AS n;

VACUUM ANALYZE mainspring.workflows;

VACUUM ANALYZE mainspring.workflow_jobs;

VACUUM ANALYZE mainspring.jobs;

VACUUM ANALYZE mainspring.history;
