-- Returns the state that a job goes to, or NULL if its row goes. This is the only place that decides it.
--
-- - The event is the outcome of an attempt (`succeeded`, `cancelled`, `failed`, `discarded`, `held`, `snoozed`,
--   `untouched`, `postponed`, `interrupted`), the loss of its worker (`lost`), `set_apart`, or one of the events in `event_applies` that
--   come from a person.
-- - A job that is set apart is dead, whatever its row holds.
-- - `next_run_at` is the time at which the job becomes due again. `is_paused` is true if its queue is paused.
-- - A cancelled job never runs again: it ends as cancelled, or as dead if its worker was lost.
-- - A superseded job never runs again either: unless it succeeds or was cancelled, it is dead.
-- - A job that has lost `max_deaths` processes in a row is dead: it may be what kills them.
-- - A job that did not run, or was interrupted, keeps the slot of its queue and stays ready. A paused queue takes it back.
-- - A job that waits for others goes on waiting, whatever else changes, until the event `release`. So does one that is held, until
--   that event or `reschedule`.
--
-- It has no volatile function and no subquery, so PostgreSQL puts its body in place of each call.
CREATE OR REPLACE FUNCTION mainspring.state_after(
    job mainspring.jobs, event text, next_run_at timestamptz, is_paused boolean, moment timestamptz)
RETURNS mainspring.job_state
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN NOT mainspring.event_applies((job).state, event) THEN (job).state
    WHEN event = 'set_apart' THEN 'dead'
    WHEN event IN ('succeeded', 'cancelled', 'cancel', 'complete', 'delete') THEN NULL
    WHEN event = 'reschedule' AND (job).state = 'waiting' THEN 'waiting'
    WHEN event IN ('reschedule', 'release') THEN mainspring.waiting_state((job).queue, next_run_at, moment)
    WHEN (job).cancel_reason IS NOT NULL AND event <> 'lost' THEN NULL
    WHEN (job).superseded OR (job).cancel_reason IS NOT NULL OR event IN ('discarded', 'fail') THEN 'dead'
    WHEN event = 'held' THEN 'held'
    WHEN event = 'failed' AND (job).attempts >= (job).max_attempts THEN 'dead'
    WHEN event = 'lost' AND mainspring.deaths_after(job, event) >= mainspring.max_deaths() THEN 'dead'
    WHEN event IN ('untouched', 'interrupted')
        THEN CASE WHEN is_paused THEN 'parked'::mainspring.job_state ELSE 'ready' END
    WHEN event IN ('failed', 'snoozed', 'postponed', 'lost') THEN mainspring.waiting_state((job).queue, next_run_at, moment)
    -- Fails, as no state has such a name.
    ELSE ('after the unknown event ' || event)::mainspring.job_state
END;
