-- Returns whether an event can happen to a job in this state.
--
-- The events `cancel`, `complete`, `fail`, `delete` and `reschedule` come from a person, and leave a running job alone: it
-- belongs to its worker. The event `set_apart` happens in every state but `dead`: something that had to be done with the row
-- cannot be done. The event `release` ends the waiting for other jobs, or for a person. All other events end an attempt, so they need a running job.
CREATE OR REPLACE FUNCTION mainspring.event_applies(state mainspring.job_state, event text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN event IN ('cancel', 'fail') THEN state NOT IN ('running', 'dead')
    WHEN event IN ('complete', 'delete', 'reschedule') THEN state <> 'running'
    WHEN event = 'set_apart' THEN state <> 'dead'
    WHEN event = 'release' THEN state IN ('waiting', 'held')
    ELSE state = 'running'
END;
