-- Returns whether another transaction holds a living job with one of these keys. Locks those that it can.
CREATE OR REPLACE FUNCTION mainspring.are_keys_held(keys text[])
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
    locked bigint;
    present bigint;
BEGIN
    PERFORM 1 FROM mainspring.jobs AS j
    WHERE j.key = ANY (keys) AND j.key IS NOT NULL AND j.state <> 'dead' FOR UPDATE SKIP LOCKED;
    GET DIAGNOSTICS locked = ROW_COUNT;
    SELECT count(*) INTO present FROM mainspring.jobs AS j
    WHERE j.key = ANY (keys) AND j.key IS NOT NULL AND j.state <> 'dead';
    RETURN locked < present;
END $$;
