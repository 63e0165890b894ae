-- Stores the limits of a queue, as `set_queue` does. With `only_if_absent`, limits that were set for this queue stay. Returns
-- whether they were stored.
CREATE OR REPLACE FUNCTION mainspring.write_queue(
    queue_name text, concurrency bigint, rate_limit bigint, rate_period interval, only_if_absent boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(mainspring.queue_problem(queue_name, coalesce(concurrency, 1), rate_limit, rate_period));
    INSERT INTO mainspring.queues AS q (name, concurrency, rate_limit, rate_period, source)
    VALUES (queue_name, coalesce(write_queue.concurrency, 1), write_queue.rate_limit, write_queue.rate_period, 'own')
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET concurrency = excluded.concurrency, rate_limit = excluded.rate_limit,
        rate_period = excluded.rate_period, source = 'own', updated_at = mainspring.now()
    WHERE q.source <> 'own' OR NOT only_if_absent;
    RETURN FOUND;
END $$;
