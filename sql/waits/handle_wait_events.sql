-- Carries the endings of jobs, and signals, over to the jobs that wait for them: at most `most` events, oldest first. Releases
-- each job that waits for nothing more, and cancels those that are not to outlive a parent. Returns where released jobs stand now,
-- by queue, and in the last row how many events were handled, and how many are left, counted up to `most`.
--
-- - It runs in a transaction of its own, after the commit of what has happened. So of two parents that end at the same time, the
--   call for the later one sees both.
-- - It locks the waiting jobs in the order of their ids. Events about jobs whose rows another transaction holds are left.
-- - The cancelled jobs make events of their own, for the next call.
CREATE OR REPLACE FUNCTION mainspring.handle_wait_events(most bigint)
RETURNS TABLE (job_queue text, job_state mainspring.job_state, least_priority smallint, first_run_at timestamptz,
    flagged boolean, due_in bigint, handled bigint, events_left bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    taken mainspring.wait_events[] := ARRAY(SELECT t FROM (
        SELECT e.* FROM mainspring.wait_events AS e ORDER BY e.id LIMIT most FOR UPDATE SKIP LOCKED) AS t);
    children record;
    released bigint[];
BEGIN
    IF taken = '{}' THEN
        RETURN;
    END IF;
    SELECT c.* INTO children FROM mainspring.lock_children(taken) AS c;
    PERFORM mainspring.cancel_children(mainspring.enter_endings(taken, children.busy));
    released := mainspring.release_children(children.held);
    handled := mainspring.forget_wait_events(taken, children.busy);
    PERFORM mainspring.notify_after('{}', released);
    RETURN QUERY
    SELECT j.queue, j.state, min(j.priority), min(j.run_at), bool_or(j.flags IS NOT NULL),
        ceil(extract(epoch FROM min(j.run_at) - mainspring.now()) * 1000)::bigint, NULL::bigint, NULL::bigint
    FROM mainspring.jobs AS j WHERE j.id = ANY (released) GROUP BY j.queue, j.state;
    events_left := (SELECT count(*) FROM (SELECT FROM mainspring.wait_events AS e LIMIT most) AS l);
    RETURN NEXT;
END $$;
