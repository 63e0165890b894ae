-- Returns the living workers that have a handler for a job's task and its version, and do not leave its flags alone. One whose application decides
-- about flags before each claim is among them.
CREATE OR REPLACE FUNCTION mainspring.able_workers(job mainspring.jobs)
RETURNS SETOF mainspring.workers
LANGUAGE sql STABLE
AS $$
    SELECT w.* FROM mainspring.living_workers() AS w
    WHERE job.task = ANY (w.tasks) AND mainspring.can_read(w, job.task, job.version) AND (job.flags && w.forbidden_flags) IS NOT TRUE;
$$;
