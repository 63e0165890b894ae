-- Returns the labels that the text of a JSON array holds, or refuses a text of another form.
CREATE OR REPLACE FUNCTION mainspring.labels_of(flags text)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    labels jsonb;
BEGIN
    BEGIN
        labels := flags::jsonb;
    EXCEPTION WHEN data_exception THEN
        labels := NULL;
    END;
    IF jsonb_typeof(labels) IS DISTINCT FROM 'array' OR jsonb_path_exists(labels, '$[*] ? (@.type() != "string")') THEN
        PERFORM mainspring.refuse('flags must be a list of labels, got ' || left(flags, 100));
    END IF;
    RETURN ARRAY(SELECT jsonb_array_elements_text(labels));
END $$;
