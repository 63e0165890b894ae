-- Deletes the events that were carried over to all children, and the rows of children that have ended. Events that concern a busy
-- child stay. Returns how many were deleted.
CREATE OR REPLACE FUNCTION mainspring.forget_wait_events(events mainspring.wait_events[], busy bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgotten bigint;
BEGIN
    DELETE FROM mainspring.wait_events AS o WHERE o.id = ANY (ARRAY(
        SELECT e.id FROM unnest(events) AS e WHERE busy = '{}' OR NOT (
            (e.ending IS NULL AND e.job_id = ANY (busy))
            OR EXISTS (SELECT FROM mainspring.waits AS w
                WHERE w.parent = e.job_id AND w.parent > 0 AND e.ending IS NOT NULL AND w.child = ANY (busy))
            OR EXISTS (SELECT FROM mainspring.waits AS w
                WHERE w.signal = e.signal AND w.signal <> '' AND w.child = ANY (busy))) IS TRUE));
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    DELETE FROM mainspring.waits AS w
    WHERE w.child = ANY (ARRAY(SELECT e.job_id FROM unnest(events) AS e WHERE e.ending <> 'dead'));
    RETURN forgotten;
END $$;
