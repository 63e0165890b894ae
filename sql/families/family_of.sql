-- Returns the family that a queue without settings of its own belongs to: of those whose prefix its name begins with, the one
-- with the longest. Returns NULLs if there is none.
CREATE OR REPLACE FUNCTION mainspring.family_of(queue_name text)
RETURNS mainspring.queue_families
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f FROM mainspring.queue_families AS f WHERE starts_with(queue_name, f.prefix)
    ORDER BY char_length(f.prefix) DESC LIMIT 1
$$;
