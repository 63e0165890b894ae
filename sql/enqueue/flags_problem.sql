-- Returns what is wrong with the flags of a new job, or NULL.
CREATE OR REPLACE FUNCTION mainspring.flags_problem(flags text[])
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN flags IS NULL OR cardinality(flags) = 0 THEN NULL
    WHEN array_ndims(flags) > 1 OR array_position(flags, NULL) IS NOT NULL
        THEN 'flags must be a list of labels, got ' || left(flags::text, 100)
    WHEN cardinality(flags) > 32 THEN format('flags must be at most 32 labels, got %s', cardinality(flags))
    ELSE (SELECT CASE
        WHEN bool_or(char_length(f) NOT BETWEEN 1 AND 128) THEN format('flags must be labels of 1 to 128 characters, got one of %s',
            min(char_length(f)) FILTER (WHERE char_length(f) NOT BETWEEN 1 AND 128))
        WHEN sum(octet_length(f)) > mainspring.flag_bytes_limit() THEN format('flags must be at most %s bytes together, got %s',
            mainspring.flag_bytes_limit(), sum(octet_length(f))) END
        FROM unnest(flags) AS f)
END;
