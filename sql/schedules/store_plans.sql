-- Stores the next fire of marked schedules that the caller has locked, or why there is none. If that fails for all together, each
-- is tried by itself. Returns those where it fails, and why.
CREATE OR REPLACE FUNCTION mainspring.store_plans(ids bigint[], nexts timestamptz[], faults text[])
RETURNS TABLE (schedule_id bigint, problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10ms'
AS $$
DECLARE
    plan record;
BEGIN
    BEGIN
        PERFORM mainspring.store_plans_together(ids, nexts, faults);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        NULL;
    END;
    FOR plan IN SELECT * FROM unnest(ids, nexts, faults) AS p(id, next, fault) LOOP
        BEGIN
            PERFORM mainspring.store_plans_together(ARRAY[plan.id], ARRAY[plan.next], ARRAY[plan.fault]);
        EXCEPTION WHEN OTHERS THEN
            schedule_id := plan.id;
            problem := left(SQLERRM, 1000);
            RETURN NEXT;
        END;
    END LOOP;
END $$;
