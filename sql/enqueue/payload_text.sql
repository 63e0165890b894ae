-- Returns the text of a payload, or refuses it: a number that no reader can hold could become a gigabyte of digits.
CREATE OR REPLACE FUNCTION mainspring.payload_text(payload jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF mainspring.numbers_problem(payload) IS NOT NULL THEN
        PERFORM mainspring.refuse(mainspring.numbers_problem(payload));
    END IF;
    RETURN payload::text;
END $$;
