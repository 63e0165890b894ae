-- Sets the limits of a queue, as `set_queue` does, unless a person has set others. Limits that this function set last are
-- replaced, so that a release may bring other ones. Returns whether they were set now.
CREATE OR REPLACE FUNCTION mainspring.set_queue_if_absent(
    name text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN mainspring.write_queue(name, concurrency, rate_limit, rate_period, true);
END $$;
