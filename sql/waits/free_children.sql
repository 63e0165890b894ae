-- Carries over that these jobs have succeeded, for the events from `first_event` on, and returns the children that wait for nothing more,
-- for the caller to start. They are at most `most`, have one of these tasks at most at its version, are due, and need no queue and no worker of a kind.
-- `events_left`: `handle_wait_events` has the rest to do, about other children or other endings.
--
-- - It locks the children, and waits for no lock. It runs after the commit of the endings, as `handle_wait_events` does.
-- - Whether a child waits for anything is read by a statement that began after its lock was there.
CREATE OR REPLACE FUNCTION mainspring.free_children(first_event bigint, parents bigint[], tasks text[], versions integer[], most bigint)
RETURNS TABLE (child bigint, events_left boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    taken bigint[];
    ended bigint[];
    held bigint[];
    done bigint[];
BEGIN
    SELECT array_agg(t.id), array_agg(t.job_id) INTO taken, ended FROM (
        SELECT e.id, e.job_id FROM mainspring.wait_events AS e
        WHERE e.id >= first_event AND e.job_id = ANY (parents) AND e.ending = 'succeeded'
        ORDER BY e.id LIMIT cardinality(parents) FOR UPDATE SKIP LOCKED) AS t;
    held := ARRAY(
        SELECT j.id FROM mainspring.jobs AS j
        WHERE j.id = ANY (ARRAY(SELECT w.child FROM mainspring.waits AS w WHERE w.parent = ANY (ended) AND w.parent > 0))
            AND j.state = 'waiting' AND j.task = ANY (tasks) AND j.queue IS NULL AND j.flags IS NULL AND j.run_at <= mainspring.now()
            AND coalesce(j.version, 0) <= versions[array_position(tasks, j.task)]
        ORDER BY j.id LIMIT most FOR NO KEY UPDATE SKIP LOCKED);
    UPDATE mainspring.waits AS w SET ending = 'succeeded' WHERE w.parent = ANY (ended) AND w.parent > 0 AND w.child = ANY (held);
    WITH forgotten AS (
        DELETE FROM mainspring.wait_events AS o WHERE o.id = ANY (taken) AND NOT EXISTS (SELECT FROM mainspring.waits AS w
            WHERE w.parent = o.job_id AND w.parent > 0 AND w.child <> ALL (held))
        RETURNING o.job_id)
    SELECT array_agg(f.job_id) INTO done FROM forgotten AS f;
    DELETE FROM mainspring.waits AS w WHERE w.child = ANY (done);
    RETURN QUERY SELECT h, coalesce(cardinality(done), 0) < cardinality(parents) FROM unnest(held) AS h
    WHERE NOT EXISTS (SELECT FROM mainspring.waits AS w
        WHERE w.child = h AND mainspring.is_open_wait(w.ending, w.on_failure) LIMIT 1);
END $$;
