-- Returns what a job in the state `waiting` waits for: a reason for each parent and signal, at most ten of them, those that hold it up
-- for good first, and one for the others.
CREATE OR REPLACE FUNCTION mainspring.explain_waits(job mainspring.jobs)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    wait mainspring.waits;
    parent mainspring.jobs;
    counted bigint := 0;
BEGIN
    FOR wait IN
        SELECT * FROM (
            (SELECT w.* FROM mainspring.waits AS w WHERE w.child = job.id AND w.ending <> 'succeeded' AND w.on_failure = 'hold'
                ORDER BY w.parent LIMIT 10)
            UNION ALL
            (SELECT w.* FROM mainspring.waits AS w WHERE w.child = job.id AND w.ending IS NULL ORDER BY w.parent, w.signal LIMIT 10)
        ) AS first LIMIT 10
    LOOP
        counted := counted + 1;
        SELECT j.* INTO parent FROM mainspring.jobs AS j WHERE j.id = wait.parent;
        RETURN NEXT mainspring.explain_wait(wait, parent);
    END LOOP;
    counted := (SELECT count(*) FROM mainspring.waits AS w
        WHERE w.child = job.id AND mainspring.is_open_wait(w.ending, w.on_failure)) - counted;
    IF counted > 0 THEN
        RETURN NEXT ROW('waits_for_others', format('It waits for %s more.', counted), NULL::timestamptz,
            jsonb_build_object('more', counted))::mainspring.job_reason;
    END IF;
END $$;
