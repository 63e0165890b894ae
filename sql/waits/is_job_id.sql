-- Returns whether a value of JSON can be the id of a job. It is inlined, so that it sets nothing.
CREATE OR REPLACE FUNCTION mainspring.is_job_id(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN value::numeric = trunc(value::numeric)
    AND value::numeric BETWEEN 1 AND 9223372036854775807 ELSE false END;
