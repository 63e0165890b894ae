-- Returns the prefix of the queues that a family such as `tenant:*` means. Refuses a text without the star at its end.
CREATE OR REPLACE FUNCTION mainspring.family_prefix(family text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(CASE
        WHEN coalesce(family, '') = '' THEN 'family must be a prefix of 0 to 127 characters that ends with *, got none'
        WHEN right(family, 1) <> '*' OR char_length(family) > 128
            THEN format('family must be a prefix of 0 to 127 characters that ends with *, got %s', left(family, 200)) END);
    RETURN left(family, -1);
END $$;
