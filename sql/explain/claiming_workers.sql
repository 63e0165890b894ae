-- Returns those of the workers able to take a job that claim jobs now, as far as their last heartbeats have said.
CREATE OR REPLACE FUNCTION mainspring.claiming_workers(job mainspring.jobs)
RETURNS SETOF mainspring.workers
LANGUAGE sql STABLE
AS $$
    SELECT w.* FROM mainspring.able_workers(job) AS w
    WHERE NOT w.problems && '{draining,claims_failing,claims_stalled,threads_blocked,schema_too_new,schema_unusable}';
$$;
