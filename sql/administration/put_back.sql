-- Puts one locked job back among the waiting ones, NULL meaning that a field stays, and answers whether it went there: not
-- when it was dead and another living job has taken its key.
CREATE OR REPLACE FUNCTION mainspring.put_back(
    job mainspring.jobs, new_run_at timestamptz, new_priority integer, new_attempts integer, new_max_attempts integer)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE mainspring.jobs AS j
    SET state = mainspring.waiting_state(j.queue, coalesce(new_run_at, j.run_at), clock_timestamp()),
        run_at = coalesce(new_run_at, j.run_at), priority = coalesce(new_priority, j.priority),
        attempts = coalesce(new_attempts, j.attempts), max_attempts = coalesce(new_max_attempts, j.max_attempts),
        superseded = false, turn_at = NULL, updated_at = clock_timestamp()
    WHERE j.id = job.id;
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END $$;
