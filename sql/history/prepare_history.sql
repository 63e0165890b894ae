-- Creates the missing partitions of the days around `moment`, and returns how many those were.
--
-- A partition is created as a table of its own and then attached. This blocks nobody who reads or writes history. A lock
-- is taken only where something is missing. Any role may hold it, so after two seconds the work is done without it.
CREATE OR REPLACE FUNCTION mainspring.prepare_history(moment timestamptz DEFAULT mainspring.now())
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    day date;
    partition text;
    missing date[];
BEGIN
    IF moment IS NULL OR moment < '0002-01-01 00:00:00+00' OR moment >= '9999-01-01 00:00:00+00' THEN
        PERFORM mainspring.refuse(format('moment must be in the years 2 to 9998, got %s', coalesce(moment::text, 'NULL')));
    END IF;
    missing := mainspring.missing_history((moment AT TIME ZONE 'UTC')::date);
    IF cardinality(missing) > 0 THEN
        FOR wait IN 1..40 LOOP
            EXIT WHEN pg_try_advisory_xact_lock(mainspring.lock_class(), 1);
            PERFORM pg_sleep(0.05);
        END LOOP;
        missing := mainspring.missing_history((moment AT TIME ZONE 'UTC')::date);
    END IF;
    FOREACH day IN ARRAY missing LOOP
        partition := 'history_' || to_char(day, 'YYYYMMDD');
        EXECUTE format('CREATE TABLE IF NOT EXISTS mainspring.%I (LIKE mainspring.history INCLUDING ALL)', partition);
        -- Neither copied nor inherited, see the table of history.
        EXECUTE format('ALTER TABLE mainspring.%I REPLICA IDENTITY FULL', partition);
        EXECUTE format(
            'ALTER TABLE mainspring.history ATTACH PARTITION mainspring.%I FOR VALUES FROM (%L) TO (%L)',
            partition, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    END LOOP;
    RETURN cardinality(missing);
END $$;
