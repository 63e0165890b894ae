-- Returns whether a value of JSON can be the id of a job.
CREATE OR REPLACE FUNCTION mainspring.is_job_id(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN value::numeric = trunc(value::numeric)
    AND value::numeric BETWEEN 1 AND 9223372036854775807 ELSE false END;
