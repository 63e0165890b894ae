-- Shows everything about jobs but the payload and the lease to roles that may read.
CREATE OR REPLACE VIEW mainspring.jobs_view AS
SELECT id, task, queue, state::text AS state, priority, run_at, attempts, max_attempts, key, flags,
       revision, created_at, updated_at, locked_at, worker_id, progress, progress_note, last_error,
       snoozes, deaths, trace_context, errors, coalesce(version, 0) AS version
FROM mainspring.jobs;
