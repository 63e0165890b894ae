-- Drops the partitions of the history whose last moment is older than `retention`, and answers their names. It runs as the
-- owner, whom dropping needs. Whoever finds the lock of making partitions taken leaves the work to the other.
CREATE OR REPLACE FUNCTION mainspring.drop_history(retention interval)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(mainspring.lock_class(), 1) THEN
        RETURN;
    END IF;
    FOR partition IN
        SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname ~ '^history_[0-9]{8}$'
            AND (to_date(right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
                < mainspring.now() - retention
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS mainspring.%I', partition);
        RETURN NEXT partition;
    END LOOP;
END $$;
