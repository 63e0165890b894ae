-- Creates the missing partitions of the days around `moment`, and returns how many those were.
--
-- A partition is created as a table of its own and then attached. This blocks nobody who reads or writes history.
CREATE OR REPLACE FUNCTION mainspring.prepare_history(moment timestamptz DEFAULT mainspring.now())
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    day date;
    partition text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(mainspring.lock_class(), 1);
    FOR day IN SELECT (moment AT TIME ZONE 'UTC')::date + d FROM generate_series(-1, 2) AS d LOOP
        partition := 'history_' || to_char(day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('mainspring.' || partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE mainspring.%I (LIKE mainspring.history INCLUDING ALL)', partition);
        -- Neither copied nor inherited, see the table of history.
        EXECUTE format('ALTER TABLE mainspring.%I REPLICA IDENTITY FULL', partition);
        EXECUTE format(
            'ALTER TABLE mainspring.history ATTACH PARTITION mainspring.%I FOR VALUES FROM (%L) TO (%L)',
            partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;
