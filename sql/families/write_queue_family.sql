-- Stores the limits of a family of queues, as `set_queue_family` does. With `only_if_absent`, limits that the family has stay.
-- Returns whether they were stored.
CREATE OR REPLACE FUNCTION mainspring.write_queue_family(
    family text, concurrency bigint, rate_limit bigint, rate_period interval, only_if_absent boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_prefix text := mainspring.family_prefix(family);
BEGIN
    PERFORM mainspring.refuse(mainspring.limit_problem(coalesce(concurrency, 1), rate_limit, rate_period));
    INSERT INTO mainspring.queue_families AS f (prefix, concurrency, rate_limit, rate_period)
    VALUES (own_prefix, coalesce(write_queue_family.concurrency, 1), write_queue_family.rate_limit,
        write_queue_family.rate_period)
    ON CONFLICT ON CONSTRAINT queue_families_pkey DO UPDATE SET concurrency = excluded.concurrency,
        rate_limit = excluded.rate_limit, rate_period = excluded.rate_period, updated_at = mainspring.now()
    WHERE NOT only_if_absent;
    RETURN FOUND;
END $$;
