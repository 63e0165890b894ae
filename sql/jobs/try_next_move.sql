-- Moves a waiting job as its promotion, admission or claim does, for `unmovable_jobs`. Then raises MS002, so that nothing is changed.
-- A job that another transaction holds counts as movable.
CREATE OR REPLACE FUNCTION mainspring.try_next_move(tried bigint)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    job mainspring.jobs;
    next_state mainspring.job_state;
BEGIN
    SELECT j.* INTO job FROM mainspring.jobs AS j WHERE j.id = tried FOR UPDATE SKIP LOCKED;
    next_state := CASE job.state WHEN 'scheduled' THEN mainspring.waiting_state(job.queue, mainspring.now(), mainspring.now())
        WHEN 'parked' THEN 'ready'::mainspring.job_state WHEN 'ready' THEN 'running' END;
    UPDATE mainspring.jobs AS j
    SET state = next_state, updated_at = mainspring.now(),
        turn_at = CASE next_state WHEN 'ready' THEN mainspring.now() ELSE j.turn_at END,
        slot = CASE next_state WHEN 'ready' THEN 0 ELSE j.slot END,
        attempts = j.attempts + CASE next_state WHEN 'running' THEN 1 ELSE 0 END,
        lease = CASE next_state WHEN 'running' THEN 0 END, worker_id = CASE next_state WHEN 'running' THEN 0 END,
        locked_at = CASE next_state WHEN 'running' THEN mainspring.now() END
    WHERE j.id = job.id AND next_state IS NOT NULL;
    -- As a claim reads it.
    IF next_state = 'running' THEN
        PERFORM octet_length(job.payload::text);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'MS002', MESSAGE = 'the job can be moved';
END $$;
