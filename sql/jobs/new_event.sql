-- Returns an event of a job, as `move_jobs` takes it. What is left out stays as it is in the row.
CREATE OR REPLACE FUNCTION mainspring.new_event(
    id bigint, event text, lease bigint DEFAULT NULL, reason text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    payload text DEFAULT NULL, priority integer DEFAULT NULL, attempts integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL)
RETURNS mainspring.job_event
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ROW(id, event, lease, reason, run_at, payload, priority, attempts, max_attempts)::mainspring.job_event;
