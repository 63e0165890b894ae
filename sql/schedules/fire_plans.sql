-- Carries out plans of schedules that the caller has locked, see `fire_together`. If they fail together, each is tried by itself,
-- so that only the bad one fails. A lock that another transaction holds is not waited for: the fire that needs it is late, and the
-- others are not.
--
-- Within half a second. Schedules that are not returned, and have fires in their plans, were not tried.
CREATE OR REPLACE FUNCTION mainspring.fire_plans(plans jsonb)
RETURNS SETOF mainspring.fired
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Longer than another process of ours holds a row, and shorter than anyone notices.
SET lock_timeout = '10ms'
AS $$
DECLARE
    plan jsonb;
    deadline timestamptz;
BEGIN
    BEGIN
        RETURN QUERY SELECT * FROM mainspring.fire_together(plans);
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        deadline := clock_timestamp() + interval '0.5 seconds';
    END;
    FOR plan IN SELECT p FROM jsonb_array_elements(plans) AS p LOOP
        RETURN QUERY SELECT * FROM mainspring.fire_alone(plan);
        EXIT WHEN clock_timestamp() > deadline;
    END LOOP;
END $$;
