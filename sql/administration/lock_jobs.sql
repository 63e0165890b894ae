-- Locks the jobs in the order of their ids, as enqueueing and settling do, and answers what each is now. An act touches these
-- alone: a job that was committed since is answered as `unknown`.
CREATE OR REPLACE FUNCTION mainspring.lock_jobs(ids bigint[])
RETURNS SETOF mainspring.jobs
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM mainspring.jobs AS j WHERE j.id = ANY (ids) ORDER BY j.id FOR UPDATE;
$$;
