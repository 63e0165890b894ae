-- Returns the time that a bucket gets when tokens are taken from it: the moment, or the one that it had where the clock was
-- turned back a little.
CREATE OR REPLACE FUNCTION mainspring.tokens_taken_at(tokens_at timestamptz, moment timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN tokens_at <= moment + interval '1 minute' THEN greatest(moment, tokens_at) ELSE moment END;
