-- Returns what jobs are to wait for with the endings of parents that have ended. The children are places among `jobs`. Refuses a
-- parent that is unknown, and one after which the job could never run.
CREATE OR REPLACE FUNCTION mainspring.known_waits(asked mainspring.waits[], jobs bigint)
RETURNS mainspring.waits[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known mainspring.waits[];
BEGIN
    WITH parents AS MATERIALIZED (
        SELECT p.parent, p.ending FROM mainspring.lock_parents(ARRAY(
            SELECT DISTINCT a.parent FROM unnest(asked) AS a WHERE a.parent > 0)) AS p
    ), judged AS MATERIALIZED (
        SELECT a.child, a.parent, a.signal, a.on_failure, p.ending, CASE
            WHEN a.parent > 0 AND p.parent IS NULL THEN 'which is not there, and the history has nothing about it'
            WHEN p.ending = 'dead' AND a.on_failure = 'cancel' THEN 'which is dead'
            WHEN p.ending = 'cancelled' AND a.on_failure <> 'run' THEN 'which was cancelled' END AS problem
        FROM unnest(asked) AS a LEFT JOIN parents AS p ON p.parent = a.parent
    ), refused AS MATERIALIZED (
        SELECT mainspring.refuse(mainspring.placed_problem(format('after must be jobs that can still succeed, got job %s, %s',
            j.parent, j.problem), j.child, jobs)) FROM judged AS j WHERE j.problem IS NOT NULL ORDER BY j.child, j.parent LIMIT 1
    )
    SELECT array_agg(ROW(j.child, j.parent, j.signal, j.on_failure, j.ending)::mainspring.waits)
    INTO known FROM judged AS j WHERE NOT EXISTS (SELECT FROM refused);
    RETURN coalesce(known, '{}');
END $$;
