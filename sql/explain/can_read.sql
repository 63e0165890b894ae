-- Returns whether a worker has a handler for a job's task that can read its payload: of the same version, or of a newer one.
CREATE OR REPLACE FUNCTION mainspring.can_read(worker mainspring.workers, job mainspring.jobs)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN job.task = ANY (worker.tasks)
    AND coalesce(job.version, 0) <= coalesce(worker.versions[array_position(worker.tasks, job.task)], 0);
