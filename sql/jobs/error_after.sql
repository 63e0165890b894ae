-- Returns the `last_error` of a job after an event. It begins with the cause where that is not the event itself: the job
-- was set apart, superseded, cancelled while its worker was lost, or has lost too many of them.
CREATE OR REPLACE FUNCTION mainspring.error_after(job mainspring.jobs, event text, reason text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN mainspring.cut_text(CASE
    WHEN event = 'set_apart' THEN concat_ws(': ', 'set apart', reason)
    WHEN event = 'lost' OR ((job).superseded AND event <> 'reschedule') THEN concat_ws(': ',
        CASE WHEN (job).superseded THEN 'superseded' END, 'cancelled: ' || (job).cancel_reason,
        CASE WHEN event = 'lost' AND mainspring.deaths_after(job, event) >= mainspring.max_deaths()
            THEN format('its process was lost %s times', mainspring.deaths_after(job, event)) END,
        coalesce(reason, CASE WHEN event = 'snoozed' THEN 'it snoozed'
            WHEN event IN ('untouched', 'postponed') THEN 'it had not started' END))
    ELSE coalesce(reason, (job).last_error)
END);
