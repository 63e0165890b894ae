-- Returns the payload of a running job as text, and as a second text the problem if the server cannot write it so: it is larger
-- than the server or a worker can hold. Returns NULL if the lease is no longer held.
--
-- It returns an array, since rows of a function that exceed `work_mem` go through a file.
CREATE OR REPLACE FUNCTION mainspring.payload_of(attempt_id bigint, attempt_lease bigint)
RETURNS text[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- As large as a JSON value may be in the form in which the server stores it.
    most_bytes CONSTANT bigint := 268435456;
    whole text;
BEGIN
    SELECT j.payload::text INTO whole FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF octet_length(whole) > most_bytes THEN
        RETURN ARRAY[NULL, format('its text has %s bytes, the most is %s', octet_length(whole), most_bytes)];
    END IF;
    RETURN ARRAY[whole, NULL];
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN ARRAY[NULL, SQLERRM];
END $$;
