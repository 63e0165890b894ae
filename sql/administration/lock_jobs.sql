-- Locks the jobs in the order of their ids, as enqueueing and settling do, and returns them.
--
-- What a person does to a list of jobs is done to these alone. The result for a job that is committed later is `unknown`.
CREATE OR REPLACE FUNCTION mainspring.lock_jobs(ids bigint[])
RETURNS SETOF mainspring.jobs
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT * FROM mainspring.jobs AS j WHERE j.id = ANY (ids) ORDER BY j.id FOR UPDATE;
$$;
