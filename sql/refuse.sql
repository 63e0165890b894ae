-- Refuses bad input, unless `problem` is NULL. Every refusal of a value is raised here. A program recognises it by the SQLSTATE
-- MS400, or by the constraint's name where its driver hides the SQLSTATE.
--
-- A problem is a sentence such as `key must be 1 to 512 characters, got 513`, of several jobs behind `job 3 of 10: `. Its field
-- is the error's column. The error's detail is the sentence as a JSON object with `field`, `expected`, `got`, `job` and `of`.
CREATE OR REPLACE FUNCTION mainspring.refuse(problem text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    place text[] := regexp_match(problem, '^job ([0-9]+) of ([0-9]+): ');
    sentence text := regexp_replace(problem, '^job [0-9]+ of [0-9]+: ', '');
    field text := split_part(sentence, ' ', 1);
    -- What came may be any text, and stands last.
    got_at integer := strpos(sentence, ', got ');
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MS400', CONSTRAINT = 'mainspring_refused', MESSAGE = problem,
            HINT = 'Nothing was stored.', COLUMN = field,
            DETAIL = jsonb_strip_nulls(jsonb_build_object('field', field, 'job', place[1]::bigint, 'of', place[2]::bigint,
                'expected', substr(sentence, char_length(field) + 2,
                    CASE WHEN got_at > 0 THEN got_at - char_length(field) - 2 ELSE char_length(sentence) END),
                'got', CASE WHEN got_at > 0 THEN substr(sentence, got_at + 6) END))::text;
    END IF;
END $$;
