-- Drops the partitions that ended longer ago than `retention`. Returns their names, and those that cannot be dropped with the
-- problem. These keep none of the others.
--
-- It runs as the owner of the schema, which dropping needs. It leaves the last hour's partition alone while another
-- session holds the lock of this work, which any role may hold. Outcomes wait while it waits for a lock, so it gives up after
-- three such waits.
CREATE OR REPLACE FUNCTION mainspring.drop_history(retention interval)
RETURNS TABLE (partition text, problem text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept interval := retention;
    waits integer := 0;
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
        problem := NULL;
        BEGIN
            EXECUTE format('DROP TABLE IF EXISTS mainspring.%I', partition);
        EXCEPTION WHEN OTHERS THEN
            problem := SQLERRM;
            waits := waits + CASE SQLSTATE WHEN '55P03' THEN 1 ELSE 0 END;
        END;
        RETURN NEXT;
        EXIT WHEN waits = 3;
    END LOOP;
END $$;
