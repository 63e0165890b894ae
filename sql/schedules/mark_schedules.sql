-- Marks schedules for planning from now on whose next fires are still those that the caller has read, and returns their ids. Passes
-- over rows that another transaction holds, and over those that cannot be written.
CREATE OR REPLACE FUNCTION mainspring.mark_schedules(ids bigint[], stored timestamptz[])
RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    wrong record;
BEGIN
    FOR wrong IN SELECT * FROM unnest(ids, stored) AS w(id, next) LOOP
        BEGIN
            UPDATE mainspring.schedules AS s
            SET next_fire_at = NULL, plan_after = mainspring.now(), making_up_until = NULL
            WHERE s.id = (SELECT t.id FROM mainspring.schedules AS t WHERE t.id = wrong.id AND t.plan_after IS NULL
                AND mainspring.readable_time(t.next_fire_at) IS NOT DISTINCT FROM wrong.next FOR UPDATE SKIP LOCKED);
            IF FOUND THEN
                RETURN NEXT wrong.id;
            END IF;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
END $$;
