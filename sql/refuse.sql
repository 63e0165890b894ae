-- Refuses bad input, unless `problem` is NULL. Every refusal is raised here, so a program recognises all of them in one way.
CREATE OR REPLACE FUNCTION mainspring.refuse(problem text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = problem, HINT = 'Nothing was stored.';
    END IF;
END $$;
