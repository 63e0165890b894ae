-- Returns the living workers that can read a job, and do not leave its flags alone. One whose application decides about flags before
-- each claim is among them.
CREATE OR REPLACE FUNCTION mainspring.able_workers(job mainspring.jobs)
RETURNS SETOF mainspring.workers
LANGUAGE sql STABLE
AS $$
    SELECT w.* FROM mainspring.living_workers() AS w
    WHERE mainspring.can_read(w, job) AND (job.flags && w.forbidden_flags) IS NOT TRUE;
$$;
