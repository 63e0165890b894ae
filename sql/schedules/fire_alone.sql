-- Carries out the plan of one schedule. What the server refuses for good makes the schedule faulty. Anything else makes it late:
-- its fire is tried again.
CREATE OR REPLACE FUNCTION mainspring.fire_alone(plan jsonb)
RETURNS SETOF mainspring.fired
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended mainspring.fired;
BEGIN
    ended.schedule_id := (plan ->> 'id')::bigint;
    BEGIN
        RETURN QUERY SELECT * FROM mainspring.fire_together(jsonb_build_array(plan));
        RETURN;
    EXCEPTION
        WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR SQLSTATE 'MS400' THEN
            ended.outcome := 'refused';
            ended.problem := left(SQLERRM, 1000);
        WHEN lock_not_available THEN
            ended.outcome := 'late';
            ended.problem := 'another transaction holds a lock that the fire needs';
        WHEN OTHERS THEN
            ended.outcome := 'late';
            ended.problem := left(SQLERRM, 1000);
    END;
    BEGIN
        PERFORM mainspring.mark_fire(ended);
    EXCEPTION WHEN OTHERS THEN
        -- The row keeps its open fire. The process remembers to leave it alone for a while.
        ended.outcome := 'late';
    END;
    RETURN NEXT ended;
END $$;
