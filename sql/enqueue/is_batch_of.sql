-- Returns whether entries of a new job of this task may join those of a job: both payloads are arrays, and the task is the same.
CREATE OR REPLACE FUNCTION mainspring.is_batch_of(job mainspring.jobs, task text, payload jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (job).task = task AND jsonb_typeof((job).payload) = 'array' AND jsonb_typeof(payload) = 'array';
