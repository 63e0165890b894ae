-- Ends one attempt as succeeded within the transaction of its handler, and answers whether its lease was still held. A line goes
-- into the history where that is kept, as with acts by hand: a missing partition of the day does not fail what the handler did.
CREATE OR REPLACE FUNCTION mainspring.complete_attempt(attempt_id bigint, attempt_lease bigint, keep_history boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    ended mainspring.jobs;
BEGIN
    DELETE FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease RETURNING j.* INTO ended;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF keep_history THEN
        PERFORM mainspring.write_history(ARRAY[ended], 'succeeded', NULL);
    END IF;
    RETURN true;
END $$;
