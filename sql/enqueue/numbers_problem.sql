-- Returns what is wrong with the numbers of a payload, or NULL. A number must fit 64-bit floating point, which every reader has.
-- PostgreSQL would take one of 131,072 digits, written in eight bytes.
CREATE OR REPLACE FUNCTION mainspring.numbers_problem(payload jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_path_exists(payload, 'strict $.** ? (@.type() == "number" && (@ > 1.7976931348623157e308
    || @ < -1.7976931348623157e308 || (@ != 0 && @ > -4.9e-324 && @ < 4.9e-324)))')
    THEN 'payload must hold numbers of 64-bit floating point, from 4.9e-324 to 1.7976931348623157e308, got one beyond' END;
