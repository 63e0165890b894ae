-- What becomes of a running job whose worker is gone: it waits again, unless it must not be run again or has no attempt left.
CREATE OR REPLACE FUNCTION mainspring.state_when_lost(job mainspring.jobs)
RETURNS mainspring.job_state
LANGUAGE sql
RETURN CASE WHEN (job).superseded OR (job).cancel_reason IS NOT NULL OR (job).attempts >= (job).max_attempts
    THEN 'dead'::mainspring.job_state
    ELSE mainspring.waiting_state((job).queue, (job).run_at, clock_timestamp()) END;
