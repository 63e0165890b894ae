-- Creates the partition of a day, or returns what is in the way.
--
-- A partition is created as a table of its own and then attached. This blocks nobody who reads or writes history.
CREATE OR REPLACE FUNCTION mainspring.make_partition(name text, day date)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TABLE IF NOT EXISTS mainspring.%I (LIKE mainspring.history INCLUDING ALL)', name);
    -- Neither copied nor inherited, see the table of history.
    EXECUTE format('ALTER TABLE mainspring.%I REPLICA IDENTITY FULL', name);
    EXECUTE format('ALTER TABLE mainspring.history ATTACH PARTITION mainspring.%I FOR VALUES FROM (%L) TO (%L)',
        name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
