-- Moves one job for `move_each`, or returns what is in the way. Unless `in_time`, nothing is tried.
--
-- Errors of the classes 22 (data), 23 (constraints) and 54 (limits) lie in the row, and trying again cannot help.
CREATE OR REPLACE FUNCTION mainspring.try_move(event mainspring.job_event, keep_history boolean, in_time boolean)
RETURNS TABLE (job_id bigint, job_lease bigint, job_state mainspring.job_state, job_task text, job_attempts smallint,
    job_priority smallint, job_run_at timestamptz, job_queue text, job_problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held mainspring.jobs;
    problem text := 'the jobs before it took too long';
    refused boolean := false;
BEGIN
    SELECT j.* INTO held FROM mainspring.jobs AS j WHERE j.id = event.id AND (event.lease IS NULL OR j.lease = event.lease);
    FOR step IN 1 .. CASE WHEN in_time AND held.id IS NOT NULL THEN 3 ELSE 0 END LOOP
        CONTINUE WHEN (step = 2 AND NOT keep_history) OR (step = 3 AND NOT refused);
        BEGIN
            PERFORM FROM mainspring.jobs AS j WHERE j.id = event.id FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                problem := 'another transaction holds the row';
                EXIT;
            END IF;
            RETURN QUERY SELECT m.*, CASE WHEN step = 3 OR (step = 2 AND m.job_state IS NULL) THEN problem END
            FROM mainspring.move_jobs(ARRAY[CASE WHEN step < 3 THEN event ELSE mainspring.new_event(event.id, 'set_apart',
                event.lease, format('the event `%s` cannot be stored: %s', event.event, problem)) END],
                keep_history AND step = 1) AS m;
            RETURN;
        EXCEPTION WHEN OTHERS THEN
            refused := step < 3 AND left(SQLSTATE, 2) IN ('22', '23', '54');
            problem := SQLERRM;
        END;
    END LOOP;
    RETURN QUERY SELECT held.id, event.lease, held.state, held.task, held.attempts, held.priority, held.run_at, held.queue,
        problem WHERE held.id IS NOT NULL;
END $$;
