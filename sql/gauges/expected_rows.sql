-- Returns how many pages a table or index has, and how many rows the planner expects there: the density that it knows, times
-- the pages. 0 before the first ANALYZE.
CREATE OR REPLACE FUNCTION mainspring.expected_rows(relation regclass, OUT pages bigint, OUT expected bigint)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.pages, CASE WHEN c.relpages > 0 THEN greatest(c.reltuples, 0) * s.pages / c.relpages ELSE 0 END::bigint
    FROM pg_class AS c
    CROSS JOIN (SELECT pg_relation_size(relation) / current_setting('block_size')::bigint AS pages) AS s
    WHERE c.oid = relation;
$$;
