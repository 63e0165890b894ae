-- What is wrong with a new job, as a person is told, or NULL. NULL arguments but the task mean the default.
CREATE OR REPLACE FUNCTION mainspring.validate_job(
    task text, payload text, queue text, priority integer, max_attempts integer, key text, key_mode text)
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
        'key_mode must be replace, preserve_run_at or unsafe_dedupe, got %s', quote_literal(key_mode))
    WHEN max_attempts NOT BETWEEN 1 AND 32767
        THEN format('max_attempts must be 1 to 32767, got %s', max_attempts)
    WHEN priority NOT BETWEEN -32768 AND 32767
        THEN format('priority must be -32768 to 32767, got %s', priority)
    WHEN octet_length(payload) > mainspring.payload_limit()
        THEN format('payload must be at most %s bytes, got %s', mainspring.payload_limit(), octet_length(payload))
END;
