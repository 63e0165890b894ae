-- Refuses bad input, unless `problem` is NULL. Every refusal is raised here. A program recognises it by the SQLSTATE MS400, or by
-- the constraint's name where its driver hides the SQLSTATE.
CREATE OR REPLACE FUNCTION mainspring.refuse(problem text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MS400', CONSTRAINT = 'mainspring_refused', MESSAGE = problem,
            HINT = 'Nothing was stored.';
    END IF;
END $$;
