-- Returns whether a worker has a version of a task that can read payloads of another one: the same, or a newer one.
CREATE OR REPLACE FUNCTION mainspring.can_read(worker mainspring.workers, task text, payload_version integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(payload_version, 0) <= coalesce((worker).versions[array_position((worker).tasks, task)], 0);
