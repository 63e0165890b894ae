-- Ends an attempt as succeeded, inside the transaction of its handler. Returns false if its lease is no longer held.
--
-- The handler's transaction may not fail because the history lacks a partition, so `write_history` skips the line then.
CREATE OR REPLACE FUNCTION mainspring.complete_attempt(attempt_id bigint, attempt_lease bigint, keep_history boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    ended mainspring.jobs;
BEGIN
    DELETE FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease RETURNING j.* INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM mainspring.expect_commit();
    IF ended.linked THEN
        PERFORM mainspring.tell_ended(attempt_id, 'succeeded');
    END IF;
    IF keep_history THEN
        PERFORM mainspring.write_history(ARRAY[ended], 'succeeded', NULL);
    END IF;
    RETURN true;
END $$;
