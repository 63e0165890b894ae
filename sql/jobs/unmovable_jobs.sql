-- Tries the next move of each job (promotion, admission or claim), after a statement has failed that moved several. Each try is
-- undone. Returns the jobs that cannot be moved, with the problem. One whose data the database refuses was set apart, and its
-- state is `dead`.
--
-- It waits for no row, and tries for a second at most: what stands in the way of all jobs is not sought in each of them.
CREATE OR REPLACE FUNCTION mainspring.unmovable_jobs(ids bigint[])
RETURNS TABLE (job_id bigint, job_task text, job_state mainspring.job_state, job_problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '1 second';
    tried bigint;
    refused boolean;
    problem text;
BEGIN
    FOREACH tried IN ARRAY ids LOOP
        EXIT WHEN clock_timestamp() > deadline;
        BEGIN
            PERFORM mainspring.try_next_move(tried);
        EXCEPTION
            WHEN SQLSTATE 'MS002' THEN
                CONTINUE;
            WHEN OTHERS THEN
                refused := left(SQLSTATE, 2) IN ('22', '23', '54');
                problem := SQLERRM;
        END;
        IF refused THEN
            PERFORM mainspring.move_each(ARRAY[mainspring.new_event(tried, 'set_apart', reason =>
                'the job cannot be moved: ' || problem)], false);
        END IF;
        RETURN QUERY SELECT j.id, j.task, j.state, problem FROM mainspring.jobs AS j WHERE j.id = tried;
    END LOOP;
END $$;
