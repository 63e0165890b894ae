-- Sets the limits of a queue. What is not given has its default, and a pause stays. A changed rate begins with a full bucket.
CREATE OR REPLACE FUNCTION mainspring.set_queue(
    name text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.write_queue(name, concurrency, rate_limit, rate_period, false);
END $$;
