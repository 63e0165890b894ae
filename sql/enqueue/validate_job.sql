-- Returns what is wrong with a new job, apart from its payload and flags, in words for a person, or NULL. NULL arguments but the
-- task mean the default.
CREATE OR REPLACE FUNCTION mainspring.validate_job(
    task text, queue text DEFAULT NULL, run_at timestamptz DEFAULT NULL, priority integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL, key text DEFAULT NULL, key_mode text DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN task IS NULL THEN 'task must be 1 to 128 characters, got none'
    WHEN char_length(task) NOT BETWEEN 1 AND 128
        THEN format('task must be 1 to 128 characters, got %s', char_length(task))
    WHEN char_length(queue) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(queue))
    WHEN char_length(key) NOT BETWEEN 1 AND 512
        THEN format('key must be 1 to 512 characters, got %s', char_length(key))
    WHEN key_mode NOT IN ('replace', 'preserve_run_at', 'unsafe_dedupe') THEN format(
        'key_mode must be replace, preserve_run_at or unsafe_dedupe, got %s', quote_literal(left(key_mode, 100)))
    WHEN max_attempts NOT BETWEEN 1 AND 32767
        THEN format('max_attempts must be 1 to 32767, got %s', max_attempts)
    WHEN priority NOT BETWEEN -32768 AND 32767
        THEN format('priority must be -32768 to 32767, got %s', priority)
    WHEN NOT mainspring.is_readable_time(run_at)
        THEN format('run_at must be in the years 1 to 9999, got %s', run_at)
END;
