-- Sets the limits of all queues, now and later, whose names begin with a prefix and that have no limits of their own. `family` is
-- the prefix and a star, such as `tenant:*`. Of several families that a queue is in, the one with the longest prefix counts.
CREATE OR REPLACE FUNCTION mainspring.set_queue_family(
    family text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.write_queue_family(family, concurrency, rate_limit, rate_period, false);
END $$;
