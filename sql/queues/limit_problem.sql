-- Returns what is wrong with the numbers of a limit, in words for a person, or NULL.
CREATE OR REPLACE FUNCTION mainspring.limit_problem(concurrency bigint, rate_limit bigint, rate_period interval)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN concurrency NOT BETWEEN 1 AND 1000000
        THEN format('concurrency must be 1 to 1000000, got %s', concurrency)
    WHEN rate_limit NOT BETWEEN 1 AND 1000000
        THEN format('rate_limit must be 1 to 1000000, got %s', rate_limit)
    WHEN rate_period NOT BETWEEN interval '1 millisecond' AND interval '366 days'
        THEN format('rate_period must be 1 millisecond to 366 days, got %s', rate_period)
    WHEN (rate_limit IS NULL) <> (rate_period IS NULL)
        THEN format('rate_limit and rate_period must be given together, got only %s',
            CASE WHEN rate_limit IS NULL THEN 'rate_period' ELSE 'rate_limit' END)
END;
