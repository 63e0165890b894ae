-- Shows the schedules to roles that may read: those that people keep, and the crontab lines of programs (owner `code`).
CREATE OR REPLACE VIEW mainspring.schedules_view AS
SELECT name, task, expression, zone, payload, queue, priority, max_attempts, key, overlap, catch_up, starts_at, ends_at,
       jitter_seconds, paused, next_fire_at, last_fire_at, last_outcome, last_job_id, error, created_at, updated_at, owner,
       late_since, late_reason
FROM mainspring.schedules;
