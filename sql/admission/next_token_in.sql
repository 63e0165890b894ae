-- Returns after how many milliseconds a bucket that has so many tokens gains the one behind its last whole one.
CREATE OR REPLACE FUNCTION mainspring.next_token_in(rate_limit integer, rate_period interval, tokens double precision)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(1, ceil((1 - (tokens - floor(tokens))) * extract(epoch FROM rate_period)::float8 * 1000 / rate_limit));
