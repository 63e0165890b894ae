-- Returns what is wrong with the form of one description, in words for a person, or NULL. `jobs_problem` checks the limits of
-- the values.
CREATE OR REPLACE FUNCTION mainspring.spec_problem(spec jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN jsonb_typeof(spec) <> 'object' THEN format('specs must hold objects, got %s', jsonb_typeof(spec))
    ELSE (
        SELECT CASE
            WHEN f.key NOT IN ('task', 'payload', 'queue', 'run_at', 'max_attempts', 'key', 'priority', 'flags', 'key_mode',
                'trace_context', 'after', 'version')
            THEN format('specs must have the names task, payload, queue, run_at, max_attempts, key, priority, flags, key_mode, trace_context, after and version, got %s',
                quote_literal(f.key))
            WHEN f.key IN ('priority', 'max_attempts', 'version')
            THEN format('%s must be a whole number, got %s', f.key, left(f.value::text, 40))
            WHEN f.key = 'flags' THEN format('flags must be an array of strings, got %s', left(f.value::text, 40))
            ELSE format('%s must be a string, got %s', f.key, left(f.value::text, 40)) END
        FROM jsonb_each(spec) AS f
        WHERE CASE
            WHEN f.key = 'payload' OR f.value = 'null' THEN false
            WHEN f.key IN ('task', 'queue', 'run_at', 'key', 'key_mode', 'trace_context') THEN jsonb_typeof(f.value) <> 'string'
            -- Bounds that an integer of SQL can hold. The limits of a job come later.
            WHEN f.key IN ('priority', 'max_attempts', 'version') THEN jsonb_typeof(f.value) <> 'number'
                OR (f.value::numeric <> trunc(f.value::numeric)) OR abs(f.value::numeric) > 2147483647
            -- Its form is looked at with that of the other jobs.
            WHEN f.key = 'after' THEN false
            WHEN f.key = 'flags' THEN jsonb_typeof(f.value) <> 'array'
                OR jsonb_path_exists(f.value, '$[*] ? (@.type() != "string")')
            ELSE true END
        ORDER BY f.key LIMIT 1)
END;
