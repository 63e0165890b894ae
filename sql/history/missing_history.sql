-- Returns the days around `day`, from the one before to two after, for which the history has no partition.
CREATE OR REPLACE FUNCTION mainspring.missing_history(day date)
RETURNS date[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT day + d FROM generate_series(-1, 2) AS d
        WHERE NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhparent = 'mainspring.history'::regclass
            AND i.inhrelid = to_regclass('mainspring.history_' || to_char(day + d, 'YYYYMMDD')))
        ORDER BY d);
$$;
