-- Returns the oldest transaction that this database keeps dead rows for, and how many transactions have begun since. A session, a
-- replication slot or a prepared transaction holds it. NULL and 0 if none does. What this session holds does not count.
CREATE OR REPLACE FUNCTION mainspring.horizon(OUT xmin xid, OUT transactions bigint)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH held AS (
        SELECT unnest(ARRAY[a.backend_xmin, a.backend_xid]) AS xmin FROM pg_stat_activity AS a
        WHERE a.pid <> pg_backend_pid() AND (a.datid IS NULL OR a.datname = current_database())
        UNION ALL SELECT s.xmin FROM pg_replication_slots AS s
        UNION ALL SELECT p.transaction FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), oldest AS (
        SELECT h.xmin, age(h.xmin)::bigint AS transactions FROM held AS h WHERE h.xmin IS NOT NULL ORDER BY 2 DESC LIMIT 1
    )
    SELECT o.xmin, coalesce(o.transactions, 0) FROM (SELECT) AS always LEFT JOIN oldest AS o ON true;
$$;
