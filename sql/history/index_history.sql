-- Enters the pages of the history that are new into its index `history_id`. Until then `find_job` reads each of them. Returns the
-- partitions, and those where it cannot be done with the problem. Only days that may still be written have new pages.
--
-- It runs as the owner of the schema, which the entry needs. Vacuum does the same, less often.
CREATE OR REPLACE FUNCTION mainspring.index_history()
RETURNS TABLE (partition text, problem text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    yesterday text := 'history_' || to_char((mainspring.now() - interval '1 day') AT TIME ZONE 'UTC', 'YYYYMMDD');
    part oid;
BEGIN
    FOR partition, part IN
        SELECT c.relname::text, i.inhrelid FROM pg_inherits AS i JOIN pg_index AS x ON x.indexrelid = i.inhrelid
        JOIN pg_class AS c ON c.oid = x.indrelid
        WHERE i.inhparent = 'mainspring.history_id'::regclass AND c.relname >= yesterday ORDER BY c.relname
    LOOP
        BEGIN
            problem := NULL;
            PERFORM brin_summarize_new_values(part);
        EXCEPTION
            -- Vacuum is there, and does it.
            WHEN lock_not_available THEN
                NULL;
            WHEN OTHERS THEN
                problem := SQLERRM;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
