-- Returns how many whole tokens a queue has. Its bucket holds `rate_limit` of them, and is filled evenly with as many a period.
--
-- It is full too where its time lies more than a minute ahead: the clock was turned back, and nothing else would fill it for
-- as long as it was turned.
CREATE OR REPLACE FUNCTION mainspring.tokens_at(gate mainspring.queues, moment timestamptz)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(gate.rate_limit, coalesce(CASE WHEN gate.tokens_at <= moment + interval '1 minute' THEN gate.tokens
    + greatest(0, extract(epoch FROM moment - gate.tokens_at))::float8
        * gate.rate_limit / extract(epoch FROM gate.rate_period)::float8 END, gate.rate_limit));
