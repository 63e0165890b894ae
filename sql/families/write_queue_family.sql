-- Stores the limits of a family of queues, as `set_queue_family` does. With `only_if_absent`, limits stay that a person
-- has set. Returns whether they were stored.
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
    concurrency := coalesce(concurrency, 1);
    INSERT INTO mainspring.queue_families AS f (prefix, concurrency, rate_limit, rate_period, by_code)
    VALUES (own_prefix, write_queue_family.concurrency, write_queue_family.rate_limit, write_queue_family.rate_period,
        CASE WHEN only_if_absent THEN mainspring.limits_of(write_queue_family.concurrency, write_queue_family.rate_limit,
            write_queue_family.rate_period) END)
    ON CONFLICT ON CONSTRAINT queue_families_pkey DO UPDATE SET concurrency = excluded.concurrency,
        rate_limit = excluded.rate_limit, rate_period = excluded.rate_period, by_code = excluded.by_code,
        updated_at = mainspring.now()
    WHERE NOT only_if_absent
        OR (f.by_code = mainspring.limits_of(f.concurrency, f.rate_limit, f.rate_period) AND f.by_code <> excluded.by_code);
    RETURN FOUND;
END $$;
