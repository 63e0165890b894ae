-- Creates the missing partitions of the days around `moment`. Returns their names, and those that cannot be created with the
-- problem. These keep none of the others.
--
-- A lock is taken only where something is missing. Any role may hold it, so after two seconds the work is done without it.
CREATE OR REPLACE FUNCTION mainspring.prepare_history(moment timestamptz DEFAULT mainspring.now())
RETURNS TABLE (partition text, problem text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    day date;
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
        problem := mainspring.make_partition(partition, day);
        RETURN NEXT;
    END LOOP;
END $$;
