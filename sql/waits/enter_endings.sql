-- Writes into `waits` what the events say, but for the children that are busy. Returns the rows after which a child is to be
-- cancelled.
--
-- A parent that died, was retried and succeeded has ended twice, and the last ending holds. No other ending is followed by one.
CREATE OR REPLACE FUNCTION mainspring.enter_endings(events mainspring.wait_events[], busy bigint[])
RETURNS mainspring.waits[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    doomed mainspring.waits[];
BEGIN
    UPDATE mainspring.waits AS w SET ending = 'succeeded' FROM unnest(events) AS e
    WHERE w.signal = e.signal AND w.signal <> '' AND w.ending IS NULL AND w.child <> ALL (busy);
    UPDATE mainspring.waits AS w SET ending = 'succeeded' FROM unnest(events) AS e, mainspring.signals AS s
    WHERE e.ending IS NULL AND w.child = e.job_id AND w.parent = 0 AND w.signal = s.name AND w.ending IS NULL
        AND w.child <> ALL (busy);
    WITH entered AS (
        UPDATE mainspring.waits AS w SET ending = e.ending
        FROM (SELECT DISTINCT ON (e.job_id) e.job_id, e.ending FROM unnest(events) AS e WHERE e.ending IS NOT NULL
            ORDER BY e.job_id, e.id DESC) AS e
        WHERE w.parent = e.job_id AND w.parent > 0 AND w.child <> ALL (busy)
            AND (w.ending IS NULL OR (w.ending = 'dead' AND e.ending <> 'dead'))
        RETURNING w)
    SELECT array_agg(e.w) INTO doomed FROM entered AS e WHERE (e.w).ending <> 'succeeded' AND (e.w).on_failure = 'cancel';
    RETURN coalesce(doomed, '{}');
END $$;
