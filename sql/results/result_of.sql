-- Returns what the handler of a job has returned. NULL means that it returned nothing, that the job has not succeeded, or that the
-- result is kept no longer.
--
-- It fails where the encoding of the database lacks a character of the value.
CREATE OR REPLACE FUNCTION mainspring.result_of(job_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT convert_from(r.value, 'UTF8')::jsonb FROM mainspring.results AS r WHERE r.job_id = result_of.job_id;
$$;
