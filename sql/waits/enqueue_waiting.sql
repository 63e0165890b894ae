-- Adds jobs as `enqueue_jobs` does, of which each waits for the jobs and signals of its list in `waits`; NULL: for none. All or none
-- are added. A job all of whose parents have succeeded does not wait.
--
-- A parent that can no longer let the job run is refused. So is one that is not there and of which the history knows nothing.
CREATE OR REPLACE FUNCTION mainspring.enqueue_waiting(jobs mainspring.new_job[], waits jsonb[])
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    asked mainspring.waits[];
    added bigint[];
BEGIN
    PERFORM mainspring.refuse(coalesce(CASE WHEN cardinality(waits) > coalesce(cardinality(jobs), 0)
        THEN format('after must be one list for each job, got %s for %s', cardinality(waits), coalesce(cardinality(jobs), 0)) END,
        mainspring.waits_problems(waits)));
    asked := ARRAY(SELECT ROW(w.ord, w.parent, w.signal, w.on_failure, NULL)::mainspring.waits
        FROM mainspring.wait_rows(waits) AS w);
    asked := mainspring.known_waits(asked, cardinality(jobs));
    added := ARRAY(SELECT e.job_id FROM mainspring.enqueue_jobs(jobs, false) AS e ORDER BY e.ordinal, e.job_id);
    PERFORM mainspring.add_late_waits(mainspring.placed_waits(asked, jobs, added));
    PERFORM mainspring.notify_after('{}', added);
    RETURN QUERY
    SELECT a.ord, j.id, j.state, j.priority, j.run_at
    FROM unnest(added) WITH ORDINALITY AS a(id, ord) JOIN mainspring.jobs AS j ON j.id = a.id ORDER BY a.ord;
END $$;
