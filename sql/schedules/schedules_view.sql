-- Shows the schedules to roles that may read: those that people keep, and the crontab lines of programs (owner `code`). What a
-- schedule leaves open is shown as its next job would have it. `warning`: it fires, and its jobs will not succeed.
CREATE OR REPLACE VIEW mainspring.schedules_view AS
SELECT s.name, s.task, s.expression, s.zone, s.payload, coalesce(s.queue, t.queue) AS queue,
    coalesce(s.priority, t.priority, mainspring.default_priority()) AS priority,
    coalesce(s.max_attempts, t.max_attempts, mainspring.default_max_attempts()) AS max_attempts,
    s.key, s.overlap, s.catch_up, s.starts_at, s.ends_at, s.jitter_seconds, s.paused, s.next_fire_at, s.last_fire_at,
    s.last_outcome, s.last_job_id, s.error, s.created_at, s.updated_at, s.owner, s.late_since, s.late_reason,
    CASE WHEN NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE s.task = ANY (w.tasks)
            AND mainspring.is_alive(w.heartbeat_at, w.timeout))
        THEN 'no living worker knows the task' ELSE mainspring.payload_misfit(t.accepts, s.payload) END AS warning, s.flags, s.version
FROM mainspring.schedules AS s LEFT JOIN mainspring.tasks AS t ON t.name = s.task;
