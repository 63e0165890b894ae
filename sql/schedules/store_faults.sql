-- Writes into the rows of schedules why they fire no more. Returns those where that fails, and why.
CREATE OR REPLACE FUNCTION mainspring.store_faults(ids bigint[], faults text[])
RETURNS TABLE (schedule_id bigint, problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10ms'
AS $$
DECLARE
    fault record;
BEGIN
    FOR fault IN SELECT * FROM unnest(ids, faults) AS f(id, problem) LOOP
        BEGIN
            UPDATE mainspring.schedules AS s
            SET error = left(fault.problem, 1000), next_fire_at = NULL, plan_after = NULL, making_up_until = NULL,
                late_since = NULL, late_reason = NULL
            WHERE s.id = fault.id;
        EXCEPTION WHEN OTHERS THEN
            schedule_id := fault.id;
            problem := fault.problem || '; it cannot be marked as faulty: ' || left(SQLERRM, 1000);
            RETURN NEXT;
        END;
    END LOOP;
END $$;
