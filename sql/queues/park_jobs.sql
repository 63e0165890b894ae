-- Parks ready jobs again that have no slot any more, for `queue_changed`. One that the database does not let be parked keeps
-- none of the others. It is set apart if its data is the reason.
CREATE OR REPLACE FUNCTION mainspring.park_jobs(ids bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    one bigint;
BEGIN
    BEGIN
        UPDATE mainspring.jobs AS j SET state = 'parked', updated_at = mainspring.now() WHERE j.id = ANY (ids);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    FOREACH one IN ARRAY ids LOOP
        BEGIN
            UPDATE mainspring.jobs AS j SET state = 'parked', updated_at = mainspring.now() WHERE j.id = one;
        EXCEPTION
            WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded THEN
                PERFORM FROM mainspring.move_or_isolate(ARRAY[mainspring.new_event(one, 'set_apart',
                    reason => format('the job cannot be parked: %s', SQLERRM))], false);
            WHEN OTHERS THEN
                RAISE WARNING 'job % cannot be parked: %', one, SQLERRM;
        END;
    END LOOP;
END $$;
