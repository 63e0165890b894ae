-- Adds several jobs some of which have keys, for `mainspring.enqueue`. A try that would wait in the wrong order gives up all that it
-- has locked and begins again. In a transaction that has written before, which may hold other rows, there is one patient try: what
-- it holds it could not give up, and each block would be a subtransaction, of which a transaction had better not have many.
CREATE OR REPLACE FUNCTION mainspring.enqueue_keyed(
    tasks text[], payloads text[], queues text[], run_ats timestamptz[], priorities integer[],
    attempt_limits integer[], keys text[], key_modes text[], flag_sets text[], moment timestamptz)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_current_xact_id_if_assigned() IS NULL THEN
        FOR tries IN 1..8 LOOP
            BEGIN
                RETURN QUERY
                SELECT * FROM mainspring.try_enqueue_keyed(tasks, payloads, queues, run_ats, priorities, attempt_limits,
                    keys, key_modes, flag_sets, moment, patient => false);
                RETURN;
            EXCEPTION WHEN SQLSTATE 'MS001' THEN
                CONTINUE;
            END;
        END LOOP;
    END IF;
    RETURN QUERY
    SELECT * FROM mainspring.try_enqueue_keyed(tasks, payloads, queues, run_ats, priorities, attempt_limits,
        keys, key_modes, flag_sets, moment, patient => true);
END $$;
