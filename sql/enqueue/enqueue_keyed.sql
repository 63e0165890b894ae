-- Adds jobs of which some have keys, for `enqueue_jobs`. Returns them in any order, with their places in the input.
--
-- A try that would wait in the wrong order gives up all that it has locked, and begins again. In a transaction that has written
-- before, which may hold other rows, there is one patient try. It could not give up what it holds, and each block would be a
-- subtransaction, of which a transaction should not have many.
CREATE OR REPLACE FUNCTION mainspring.enqueue_keyed(jobs mainspring.new_job[], moment timestamptz)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        FOR tries IN 1..8 LOOP
            BEGIN
                RETURN QUERY SELECT * FROM mainspring.try_enqueue_keyed(jobs, moment, patient => false);
                RETURN;
            EXCEPTION WHEN SQLSTATE 'MS001' THEN
                CONTINUE;
            END;
        END LOOP;
    END IF;
    RETURN QUERY SELECT * FROM mainspring.try_enqueue_keyed(jobs, moment, patient => true);
END $$;
