-- Makes the row of a queue that has none, and returns whether the row is there now.
--
-- Returns false while an open transaction has made, changed or deleted the row. That may be an application's, and may last.
CREATE OR REPLACE FUNCTION mainspring.make_queue(queue_name text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1ms'
AS $$
BEGIN
    -- An insert would wait for the transaction that holds the row.
    IF EXISTS (SELECT FROM mainspring.queues AS q WHERE q.name = queue_name) THEN
        RETURN false;
    END IF;
    INSERT INTO mainspring.queues (name) VALUES (queue_name) ON CONFLICT DO NOTHING;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
