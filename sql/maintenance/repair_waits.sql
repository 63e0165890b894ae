-- Makes up for rows of `jobs` that were deleted without a function, as by hand: their children are told, and their own rows in `waits`
-- are deleted. Looks at `most` rows at most, from a random child on, so that all are looked at sooner or later. Returns how many
-- jobs were missing.
CREATE OR REPLACE FUNCTION mainspring.repair_waits(most bigint DEFAULT 10000)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    missing bigint[];
    first_child bigint := 0;
BEGIN
    PERFORM FROM mainspring.waits AS w OFFSET most LIMIT 1;
    IF FOUND THEN
        first_child := (SELECT min(w.child) + floor(random() * (max(w.child) - min(w.child)))::bigint FROM mainspring.waits AS w);
    END IF;
    -- In one statement, so that an ending that is carried over at this moment is no missing job.
    missing := ARRAY(
        WITH looked_at AS MATERIALIZED (
            SELECT w.* FROM mainspring.waits AS w WHERE w.child >= first_child ORDER BY w.child, w.parent, w.signal LIMIT most
        )
        SELECT DISTINCT g.id FROM (
            SELECT l.child FROM looked_at AS l UNION ALL SELECT l.parent FROM looked_at AS l
            WHERE l.parent > 0 AND (l.ending IS NULL OR l.ending = 'dead')) AS g(id)
        WHERE NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = g.id)
            AND NOT EXISTS (SELECT FROM mainspring.wait_events AS e WHERE e.job_id = g.id) ORDER BY g.id);
    PERFORM mainspring.tell_ended(m, 'deleted') FROM unnest(missing) AS m;
    RETURN cardinality(missing);
END $$;
