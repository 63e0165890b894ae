-- The oldest newest-migration that a program must know to work with this schema. A migration that older
-- programs cannot live with replaces this function; they refuse to start then, and say both numbers.
CREATE OR REPLACE FUNCTION mainspring.compatible_from()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '20261124000001';
