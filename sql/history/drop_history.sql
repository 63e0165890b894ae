-- Drops the partitions that ended longer ago than `retention`, and returns their names.
--
-- It runs as the owner of the schema, which dropping needs. It leaves the last hour's partition alone while another
-- session holds the lock of this work, which any role may hold. A partition that cannot be dropped keeps none of the others, and the server's log has a warning about it.
CREATE OR REPLACE FUNCTION mainspring.drop_history(retention interval)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text;
    kept interval := retention;
BEGIN
    PERFORM mainspring.refuse(mainspring.retention_problem('retention', retention));
    IF NOT pg_try_advisory_xact_lock(mainspring.lock_class(), 1) THEN
        kept := kept + interval '1 hour';
    END IF;
    FOR partition IN
        SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname ~ '^history_[0-9]{8}$'
            AND (to_date(right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
                < mainspring.now() - kept
        ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE IF EXISTS mainspring.%I', partition);
            RETURN NEXT partition;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'cannot drop the partition %: %', partition, SQLERRM;
        END;
    END LOOP;
END $$;
