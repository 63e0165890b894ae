-- Makes the row of a queue that has none, and answers whether it is there now. Where another transaction has changed, made or
-- deleted it and goes on, which may be an application's for as long as that likes, the answer is no.
CREATE OR REPLACE FUNCTION mainspring.make_queue(queue_name text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
AS $$
BEGIN
    -- An insert would wait for whoever holds the row.
    IF EXISTS (SELECT FROM mainspring.queues AS q WHERE q.name = queue_name) THEN
        RETURN false;
    END IF;
    INSERT INTO mainspring.queues (name) VALUES (queue_name) ON CONFLICT DO NOTHING;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
