-- Sets the limits of a queue. What is not given has its default, and a pause stays. A changed rate begins with a full bucket.
CREATE OR REPLACE FUNCTION mainspring.set_queue(
    name text, concurrency bigint DEFAULT 1, rate_limit bigint DEFAULT NULL, rate_period interval DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(mainspring.queue_problem(name, coalesce(concurrency, 1), rate_limit, rate_period));
    INSERT INTO mainspring.queues AS q (name, concurrency, rate_limit, rate_period)
    VALUES (set_queue.name, coalesce(set_queue.concurrency, 1), set_queue.rate_limit, set_queue.rate_period)
    ON CONFLICT ON CONSTRAINT queues_pkey DO UPDATE SET concurrency = excluded.concurrency, rate_limit = excluded.rate_limit,
        rate_period = excluded.rate_period, updated_at = mainspring.now(),
        tokens = CASE WHEN (q.rate_limit, q.rate_period) IS NOT DISTINCT FROM (excluded.rate_limit, excluded.rate_period)
            THEN q.tokens END,
        tokens_at = CASE WHEN (q.rate_limit, q.rate_period) IS NOT DISTINCT FROM (excluded.rate_limit, excluded.rate_period)
            THEN q.tokens_at END;
END $$;
