-- Returns where a waiting job waits: for its time, for its queue to admit it, or for a claim.
CREATE OR REPLACE FUNCTION mainspring.waiting_state(queue text, run_at timestamptz, moment timestamptz)
RETURNS mainspring.job_state
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN run_at > moment THEN 'scheduled'::mainspring.job_state
    WHEN queue IS NOT NULL THEN 'parked'::mainspring.job_state
    ELSE 'ready'::mainspring.job_state
END;
