-- Returns what is wrong with the list of what one job waits for, in words for a person, or NULL.
--
-- The list is an array of JSON. Each element is the id of a job, `{"job": 17, "on_failure": "run"}`, or `{"signal": "approved"}`.
CREATE OR REPLACE FUNCTION mainspring.waits_problem(waits jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN jsonb_typeof(waits) <> 'array' THEN format('after must be an array, got %s', jsonb_typeof(waits))
    WHEN jsonb_array_length(waits) > 100000
    THEN format('after must be at most 100000 jobs and signals, got %s', jsonb_array_length(waits))
    ELSE (
        SELECT format('after must be ids of jobs, {"job": id, "on_failure": ..} and {"signal": name}, got %s',
            left(w.value::text, 80))
        FROM jsonb_array_elements(waits) AS w
        WHERE CASE jsonb_typeof(w.value)
            WHEN 'number' THEN NOT mainspring.is_job_id(w.value)
            WHEN 'object' THEN CASE
                WHEN w.value ? 'job' THEN NOT mainspring.is_job_id(w.value -> 'job')
                    OR coalesce(w.value ->> 'on_failure', 'hold') NOT IN ('hold', 'cancel', 'run')
                    OR w.value - ARRAY['job', 'on_failure'] <> '{}'
                ELSE jsonb_typeof(w.value -> 'signal') IS DISTINCT FROM 'string'
                    OR char_length(w.value ->> 'signal') NOT BETWEEN 1 AND 256 OR w.value - 'signal' <> '{}' END
            ELSE true END
        LIMIT 1)
END;
