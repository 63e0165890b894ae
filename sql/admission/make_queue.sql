-- Makes the row of a queue that has none, where a job is parked in it. Returns whether the row is there now, and NULL if no
-- job is parked: a name alone makes no row, since any role can send one.
--
-- It is false where another transaction has changed, made or deleted the row and goes on, which may be an application's for as
-- long as that likes.
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
    IF NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = queue_name) THEN
        RETURN NULL;
    END IF;
    INSERT INTO mainspring.queues (name) VALUES (queue_name) ON CONFLICT DO NOTHING;
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;
