-- Moves jobs as `move_jobs` does, each in a subtransaction, after `move_jobs` has failed for one of them. Returns the jobs that
-- moved, and those that could not, with the problem.
--
-- - No problem: the job moved. The row is that of `move_jobs`.
-- - A problem and the state NULL: the job has ended, and only its line in the history is missing.
-- - A problem and the state `dead`: the database refuses the data of the row, and so the job was set apart.
-- - A problem and another state: the row is as it was, and may be tried again. Something else was in the way, such as a lock,
--   a trigger or a full disk, or not even setting it apart is possible.
--
-- It waits for no row. Waits for a table take two seconds in all, after which the other jobs are returned with that problem.
CREATE OR REPLACE FUNCTION mainspring.move_each(events mainspring.job_event[], keep_history boolean)
RETURNS TABLE (job_id bigint, job_lease bigint, job_state mainspring.job_state, job_task text, job_attempts smallint,
    job_priority smallint, job_run_at timestamptz, job_queue text, job_problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '2 seconds';
    began timestamptz;
    tried mainspring.job_event;
BEGIN
    FOREACH tried IN ARRAY events LOOP
        began := clock_timestamp();
        FOR job_id, job_lease, job_state, job_task, job_attempts, job_priority, job_run_at, job_queue, job_problem IN
            SELECT t.* FROM mainspring.try_move(tried, keep_history, began < deadline) AS t
        LOOP
            RETURN NEXT;
            -- A lock on the history is waited for once.
            keep_history := keep_history AND (job_state IS NOT NULL OR job_problem IS NULL
                OR clock_timestamp() < began + interval '100 milliseconds');
        END LOOP;
    END LOOP;
END $$;
