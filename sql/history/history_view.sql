-- Shows everything about finished jobs to roles that may read.
CREATE OR REPLACE VIEW mainspring.history_view AS
SELECT id, task, queue, outcome, priority, run_at, attempts, key, reason, created_at, started_at, finished_at, worker_id,
       coalesce(deaths, 0::smallint) AS deaths, errors
FROM mainspring.history;
