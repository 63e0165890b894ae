-- Flags from the text of a JSON array: each label once and in order, so that equal sets are equal; NULL where there is none.
CREATE OR REPLACE FUNCTION mainspring.flags_of(flags text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(ARRAY(SELECT DISTINCT f COLLATE "C" FROM jsonb_array_elements_text(flags::jsonb) AS f ORDER BY 1), '{}');
