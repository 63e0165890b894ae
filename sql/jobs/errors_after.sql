-- Adds the error of an attempt to those of its job, and returns them: an array of objects, the oldest first.
--
-- - Ten are kept: the first one and the last nine. A reason of more than 2,100 characters is cut at 2,000.
-- - `attempt` is the number of the attempt. The attempt of a lost worker is not spent, so its number may come again.
-- - `worker` is NULL if the row of the worker is gone. A lost worker's name is in `error`.
CREATE OR REPLACE FUNCTION mainspring.errors_after(errors jsonb, attempt smallint, worker_id integer, reason text)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    -- A restored row may hold anything.
    WHEN errors IS NULL OR jsonb_typeof(errors) <> 'array' THEN '[]'::jsonb
    WHEN jsonb_array_length(errors) >= 10 THEN errors - 1
    ELSE errors END
    || jsonb_build_object(
        'attempt', attempt,
        'at', to_char(mainspring.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'worker_id', worker_id,
        'worker', (SELECT w.name FROM mainspring.workers AS w WHERE w.id = errors_after.worker_id),
        'error', mainspring.cut_text(reason, 2000));
