-- Returns what is wrong with a queue's name and settings, in words for a person, or NULL.
CREATE OR REPLACE FUNCTION mainspring.queue_problem(name text, concurrency bigint, rate_limit bigint, rate_period interval)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN name IS NULL THEN 'queue must be 1 to 128 characters, got none'
    WHEN char_length(name) NOT BETWEEN 1 AND 128
        THEN format('queue must be 1 to 128 characters, got %s', char_length(name))
    ELSE mainspring.limit_problem(concurrency, rate_limit, rate_period)
END;
