-- What is wrong with flags, given as the text of a JSON array of labels, or NULL.
CREATE OR REPLACE FUNCTION mainspring.flags_problem(flags text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN flags IS NULL THEN NULL
    WHEN jsonb_typeof(flags::jsonb) <> 'array'
        OR EXISTS (SELECT FROM jsonb_array_elements(flags::jsonb) AS f WHERE jsonb_typeof(f) <> 'string')
        THEN 'flags must be a list of labels, got ' || left(flags, 100)
    WHEN jsonb_array_length(flags::jsonb) > 32
        THEN format('flags must be at most 32 labels, got %s', jsonb_array_length(flags::jsonb))
    ELSE (SELECT format('flags must be labels of 1 to 128 characters, got one of %s', char_length(f))
        FROM jsonb_array_elements_text(flags::jsonb) AS f WHERE char_length(f) NOT BETWEEN 1 AND 128 LIMIT 1)
END;
