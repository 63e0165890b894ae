-- Returns what is wrong with a schedule, in words for a person, or NULL. Only a scheduler reads expression and zone. The size of the
-- payload is judged apart.
CREATE OR REPLACE FUNCTION mainspring.schedule_problem(s mainspring.schedules)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN char_length(coalesce(s.name, '')) NOT BETWEEN 1 AND 128
        THEN format('name must be 1 to 128 characters, got %s', char_length(coalesce(s.name, '')))
    WHEN char_length(coalesce(s.task, '')) NOT BETWEEN 1 AND 128
        THEN format('task must be 1 to 128 characters, got %s', char_length(coalesce(s.task, '')))
    WHEN coalesce(s.expression, '') = '' THEN 'expression must be a cron expression, got none'
    WHEN char_length(s.expression) > 1024
        THEN format('expression must be at most 1024 characters, got %s', char_length(s.expression))
    WHEN char_length(s.zone) > 128 THEN format('zone must be at most 128 characters, got %s', char_length(s.zone))
    WHEN NOT mainspring.is_readable_time(s.starts_at)
        THEN format('starts_at must be in the years 1 to 9999, got %s', s.starts_at)
    WHEN NOT mainspring.is_readable_time(s.ends_at)
        THEN format('ends_at must be in the years 1 to 9999, got %s', s.ends_at)
    WHEN char_length(s.queue) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(s.queue))
    WHEN char_length(s.key) NOT BETWEEN 1 AND 512
        THEN format('key must be 1 to 512 characters, got %s', char_length(s.key))
    WHEN s.max_attempts < 1 THEN format('max_attempts must be 1 to 32767, got %s', s.max_attempts)
    WHEN s.catch_up NOT BETWEEN 0 AND 10000 THEN format('catch_up must be 0 to 10000, got %s', s.catch_up)
    WHEN s.jitter_seconds NOT BETWEEN 0 AND 86400
        THEN format('jitter_seconds must be 0 to 86400, got %s', s.jitter_seconds)
    WHEN s.overlap NOT IN ('allow', 'skip', 'replace')
        THEN format('overlap must be allow, skip or replace, got %s', quote_literal(s.overlap))
    WHEN s.key IS NOT NULL AND s.overlap = 'allow' AND s.owner IS DISTINCT FROM 'code'
        THEN 'key must go with the overlap skip or replace, got allow'
    WHEN s.starts_at > s.ends_at
        THEN format('ends_at must not be before starts_at, got %s and %s', s.ends_at, s.starts_at)
    WHEN mainspring.flags_problem(s.flags) IS NOT NULL THEN mainspring.flags_problem(s.flags)
    WHEN jsonb_typeof(s.payload) <> 'object'
        THEN format('payload must be an object, got %s', jsonb_typeof(s.payload))
END;
