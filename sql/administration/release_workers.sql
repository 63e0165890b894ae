-- Removes workers, and requeues the jobs that they hold as a rescue does: the attempt is given back, and a death counted.
-- Returns for each id, in the order of the input, how many jobs that was, and `released`, `refused` if the row cannot be
-- removed, or `unknown`.
--
-- A worker that is alive notices at its next heartbeat. It stops its jobs, and goes on under a new id.
CREATE OR REPLACE FUNCTION mainspring.release_workers(ids integer[])
RETURNS TABLE (worker_id integer, result text, jobs bigint)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    known integer[] := ARRAY(SELECT w.id FROM mainspring.workers AS w WHERE w.id = ANY (release_workers.ids) ORDER BY w.id);
    refused integer[] := '{}';
    problem text;
    held mainspring.jobs[];
BEGIN
    FOR n IN 1 .. cardinality(known) LOOP
        problem := mainspring.try_remove_worker(known[n]);
        IF problem IS NOT NULL THEN
            RAISE WARNING 'worker % cannot be removed: %', known[n], problem;
            refused := refused || known[n];
        END IF;
    END LOOP;
    -- Jobs are found by the index of running jobs, locked by the index of ids, and checked again. A sort of what was found
    -- would read all jobs where sorts are switched off.
    held := ARRAY(SELECT j FROM mainspring.jobs AS j
        WHERE j.id = ANY (ARRAY(SELECT r.id FROM mainspring.jobs AS r
                WHERE r.state = 'running' AND r.worker_id = ANY (release_workers.ids) AND r.worker_id <> ALL (refused)))
            AND j.state = 'running' AND j.worker_id = ANY (release_workers.ids) AND j.worker_id <> ALL (refused)
        ORDER BY j.id FOR UPDATE);
    PERFORM mainspring.act_on(held, 'lost', 'worker released: its jobs were taken from it by request');
    RETURN QUERY
    SELECT i.id, CASE WHEN i.id = ANY (refused) THEN 'refused' WHEN i.id = ANY (known) OR h.jobs > 0 THEN 'released'
        ELSE 'unknown' END, h.jobs
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord)
    CROSS JOIN LATERAL (SELECT count(*) AS jobs FROM unnest(held) AS h WHERE h.worker_id = i.id) AS h
    ORDER BY i.ord;
END $$;
