-- Returns true if texts are UTF-8, or refuses them with the name of the first other one. Names and texts alternate.
--
-- Only a database of the encoding SQL_ASCII, which holds any bytes, has constraints that call it. The error of a constraint
-- would show the row, whose bytes no client can read.
CREATE OR REPLACE FUNCTION mainspring.is_utf8(VARIADIC names_and_texts text[])
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
    place integer := 1;
BEGIN
    WHILE place < cardinality(names_and_texts) LOOP
        PERFORM convert_from(convert_to(names_and_texts[place + 1], 'SQL_ASCII'), 'UTF8');
        place := place + 2;
    END LOOP;
    RETURN true;
EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
    PERFORM mainspring.refuse(names_and_texts[place] || ' must be UTF-8, got other bytes');
    RETURN false;
END $$;
