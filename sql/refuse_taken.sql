-- Refuses a name that is taken. A program recognises it by the SQLSTATE MS409, or by the constraint's name where its driver hides
-- the SQLSTATE. The error's detail is a JSON object with `what` and `name`.
CREATE OR REPLACE FUNCTION mainspring.refuse_taken(what text, name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'MS409', CONSTRAINT = 'mainspring_taken', COLUMN = 'name',
        MESSAGE = format('there is already a %s `%s`', what, name), HINT = 'Nothing was stored.',
        DETAIL = jsonb_build_object('what', what, 'name', name)::text;
END $$;
