-- Returns each label once and in order, so that equal sets of flags are equal; NULL if there is none.
CREATE OR REPLACE FUNCTION mainspring.sorted_flags(flags text[])
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(ARRAY(SELECT DISTINCT f COLLATE "C" FROM unnest(flags) AS f ORDER BY 1), '{}');
