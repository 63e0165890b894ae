-- Returns how many tokens a bucket has, with their fraction. It holds `rate_limit` of them, and is filled evenly with as many
-- in each `rate_period`. It had `tokens` at the time `tokens_at`; NULL is a full bucket.
--
-- It is full too where its time lies more than a minute ahead: the clock was turned back, and nothing else would fill it for
-- as long as it was turned.
CREATE OR REPLACE FUNCTION mainspring.tokens_at(
    rate_limit integer, rate_period interval, tokens double precision, tokens_at timestamptz, moment timestamptz)
RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE
RETURN least(rate_limit, coalesce(CASE WHEN tokens_at <= moment + interval '1 minute' THEN tokens
    + greatest(0, extract(epoch FROM moment - tokens_at))::float8
        * rate_limit / extract(epoch FROM rate_period)::float8 END, rate_limit));
