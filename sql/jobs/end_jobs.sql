-- Deletes the jobs whose rows go after their events, for `move_jobs`, and returns them as they were.
CREATE OR REPLACE FUNCTION mainspring.end_jobs(events mainspring.job_event[], keep_history boolean)
RETURNS SETOF mainspring.jobs
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended record;
BEGIN
    FOR ended IN
        WITH gone AS (
            DELETE FROM mainspring.jobs AS j USING unnest(events) AS e
            WHERE j.id = e.id AND (e.lease IS NULL OR j.lease = e.lease) AND mainspring.event_applies(j.state, e.event)
                AND mainspring.state_after(j, e.event, j.run_at, false, mainspring.now()) IS NULL
            RETURNING j AS job, CASE WHEN e.event IN ('succeeded', 'complete') THEN 'succeeded'
                WHEN e.event <> 'delete' THEN 'cancelled' END AS outcome,
                CASE WHEN j.cancel_reason IS NULL OR e.event IN ('succeeded', 'cancelled') THEN e.reason
                    ELSE j.cancel_reason END AS reason),
        told AS (INSERT INTO mainspring.wait_events (job_id, ending) SELECT (g.job).id, coalesce(g.outcome, 'deleted')
            FROM gone AS g WHERE (g.job).linked RETURNING pg_notify(mainspring.channel(), 'waits'))
        SELECT g.outcome, g.reason, array_agg(g.job) AS jobs FROM gone AS g GROUP BY g.outcome, g.reason
    LOOP
        IF keep_history AND ended.outcome IS NOT NULL THEN
            PERFORM mainspring.write_history(ended.jobs, ended.outcome, ended.reason);
        END IF;
        RETURN QUERY SELECT (g).* FROM unnest(ended.jobs) AS g;
    END LOOP;
END $$;
