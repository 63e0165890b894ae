-- Stores the limits of a queue, as `set_queue` does. With `only_if_absent`, limits stay that a person has set for this queue.
-- Returns whether they were stored.
CREATE OR REPLACE FUNCTION mainspring.write_queue(
    queue_name text, concurrency bigint, rate_limit bigint, rate_period interval, only_if_absent boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(mainspring.queue_problem(queue_name, coalesce(concurrency, 1), rate_limit, rate_period));
    concurrency := coalesce(concurrency, 1);
    INSERT INTO mainspring.queues AS q (name, concurrency, rate_limit, rate_period, source, by_code)
    VALUES (queue_name, write_queue.concurrency, write_queue.rate_limit, write_queue.rate_period, 'own',
        CASE WHEN only_if_absent
            THEN mainspring.limits_of(write_queue.concurrency, write_queue.rate_limit, write_queue.rate_period) END)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET concurrency = excluded.concurrency, rate_limit = excluded.rate_limit,
        rate_period = excluded.rate_period, source = 'own', by_code = excluded.by_code, updated_at = mainspring.now()
    WHERE q.source <> 'own' OR NOT only_if_absent
        OR (q.by_code = mainspring.limits_of(q.concurrency, q.rate_limit, q.rate_period) AND q.by_code <> excluded.by_code);
    RETURN FOUND;
END $$;
