-- Returns limits as one value. `by_code` keeps those that a program has set: while the limits are still these, no person has
-- changed them, and a release with others replaces them.
CREATE OR REPLACE FUNCTION mainspring.limits_of(concurrency bigint, rate_limit bigint, rate_period interval)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_array(concurrency, rate_limit, extract(epoch FROM rate_period));
