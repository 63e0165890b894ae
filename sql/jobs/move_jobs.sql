-- Moves each job to the state that `state_after` returns, and returns the jobs that moved. This is the only place that takes
-- a lease away and leaves the row.
--
-- - A job is left alone if its event does not apply, or if it is no longer held under the lease that the event names.
-- - A NULL state in the result means that the row is gone. History then has a line about it, if `keep_history`.
-- - Rows are locked in the order of the events. Callers sort them by id, as enqueueing does.
-- - The attempt of a job that did not run, was interrupted, snoozed, is held or lost its worker is not spent.
-- - Jobs that wait for one that died, or for one whose row is gone, are left to `handle_wait_events`.
--
-- The planner may only look up the rows by their ids: in the session of an application it could choose to read all jobs.
-- It plans once a session: to plan again for each list of events takes longer than to move ten jobs.
CREATE OR REPLACE FUNCTION mainspring.move_jobs(events mainspring.job_event[], keep_history boolean)
RETURNS TABLE (job_id bigint, job_lease bigint, job_state mainspring.job_state, job_task text, job_attempts smallint,
    job_priority smallint, job_run_at timestamptz, job_queue text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    moved bigint;
BEGIN
    RETURN QUERY
    WITH gone_on AS (UPDATE mainspring.jobs AS j
    SET state = mainspring.state_after(j, e.event, coalesce(e.run_at, j.run_at), EXISTS (
            SELECT FROM mainspring.queues AS q WHERE q.name = j.queue AND q.paused), mainspring.now()),
        run_at = CASE WHEN mainspring.state_after(j, e.event, j.run_at, false, mainspring.now()) = 'dead' THEN j.run_at ELSE coalesce(e.run_at, j.run_at) END,
        attempts = coalesce(e.attempts, j.attempts - CASE WHEN e.event IN ('untouched', 'postponed', 'interrupted', 'snoozed', 'held', 'lost') THEN 1 ELSE 0 END),
        deaths = mainspring.deaths_after(j, e.event), snoozes = j.snoozes + CASE WHEN e.event = 'snoozed' THEN 1 ELSE 0 END,
        last_error = mainspring.error_after(j, e.event, e.reason),
        errors = CASE WHEN e.event IN ('failed', 'discarded', 'lost', 'set_apart') AND j.worker_id IS NOT NULL THEN mainspring.errors_after(j.errors, j.attempts, j.worker_id, e.reason) ELSE j.errors END,
        priority = coalesce(e.priority, j.priority), max_attempts = coalesce(e.max_attempts, j.max_attempts),
        payload = coalesce(e.payload::jsonb, j.payload), superseded = j.superseded AND e.event <> 'reschedule', turn_at = CASE WHEN e.event <> 'reschedule' THEN j.turn_at END,
        lease = NULL, worker_id = NULL, locked_at = NULL, cancel_reason = NULL, progress = NULL, progress_note = NULL, updated_at = mainspring.now()
    FROM unnest(events) AS e
    WHERE j.id = e.id AND (e.lease IS NULL OR j.lease = e.lease) AND mainspring.event_applies(j.state, e.event)
        AND mainspring.state_after(j, e.event, j.run_at, false, mainspring.now()) IS NOT NULL
    RETURNING j.id, e.lease AS event_lease, j.state, j.task, j.attempts, j.priority, j.run_at, j.queue, j.linked),
    told AS (INSERT INTO mainspring.wait_events (job_id, ending) SELECT g.id, 'dead' FROM gone_on AS g
        WHERE g.linked AND g.state = 'dead' RETURNING pg_notify(mainspring.channel(), 'waits'))
    SELECT g.id, g.event_lease, g.state, g.task, g.attempts, g.priority, g.run_at, g.queue FROM gone_on AS g;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < cardinality(events) THEN
        RETURN QUERY SELECT g.id, g.lease, NULL::mainspring.job_state, g.task, g.attempts, g.priority, g.run_at, g.queue
        FROM mainspring.end_jobs(events, keep_history) AS g;
    END IF;
END $$;
