-- Sets the limits of a family of queues, as `set_queue_family` does, unless a person has set others. Returns
-- whether they were set now.
CREATE OR REPLACE FUNCTION mainspring.set_queue_family_if_absent(
    family text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN mainspring.write_queue_family(family, concurrency, rate_limit, rate_period, true);
END $$;
