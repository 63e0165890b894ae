-- Returns the newest migration that a program must know to work with this schema.
--
-- A migration that older programs cannot work with raises it. They then refuse to start, and report both numbers.
CREATE OR REPLACE FUNCTION mainspring.compatible_from()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '20261124000001';
