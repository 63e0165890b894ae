-- Stores a step of a running job. Returns false if the lease of its attempt is no longer held: then the transaction must not commit.
--
-- The row of the job stays locked until the transaction ends, so that no other attempt begins before the step is stored.
CREATE OR REPLACE FUNCTION mainspring.add_step(
    attempt_id bigint, attempt_lease bigint, step_position integer, step_name text, step_value bytea, hash bigint)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    INSERT INTO mainspring.steps (job_id, position, name, value, payload_hash)
    SELECT held.id, step_position, step_name, step_value, hash FROM (
        SELECT j.id FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease FOR NO KEY UPDATE) AS held;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM mainspring.expect_commit();
    RETURN true;
END $$;
