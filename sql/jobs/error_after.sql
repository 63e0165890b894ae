-- Returns the `last_error` of a job after an event. It begins with the cause where that is not the event itself: the job
-- was set apart, superseded, or cancelled while its worker was lost.
CREATE OR REPLACE FUNCTION mainspring.error_after(job mainspring.jobs, event text, reason text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN mainspring.cut_text(CASE
    WHEN event = 'set_apart' THEN concat_ws(': ', 'set apart', reason)
    WHEN event = 'lost' OR ((job).superseded AND event <> 'reschedule') THEN concat_ws(': ',
        CASE WHEN (job).superseded THEN 'superseded' END, 'cancelled: ' || (job).cancel_reason,
        coalesce(reason, CASE event WHEN 'snoozed' THEN 'it snoozed' WHEN 'untouched' THEN 'it had not started' END))
    ELSE coalesce(reason, (job).last_error)
END);
