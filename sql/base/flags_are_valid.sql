-- Returns whether flags are 1 to 32 labels of 1 to 128 characters, and short enough together. A job without flags has NULL
-- instead.
--
-- A constraint calls it, and each statement prepares the constraints of its table. The server would look into a function in SQL each
-- time, which takes 40 microseconds.
CREATE OR REPLACE FUNCTION mainspring.flags_are_valid(flags text[])
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN coalesce(cardinality(flags) BETWEEN 1 AND 32 AND array_ndims(flags) = 1
        AND array_position(flags, NULL) IS NULL
        AND (SELECT bool_and(char_length(f) BETWEEN 1 AND 128) AND sum(octet_length(f)) <= mainspring.flag_bytes_limit()
            FROM unnest(flags) AS f), false);
END $$;
