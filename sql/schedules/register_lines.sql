-- Stores the crontab lines of a process: `lines` is an array of objects with the columns of mainspring.schedules, and
-- with `fill`, how far back missed fires are made up for. `since_start` is how long ago the process started. If the lines cannot be
-- stored together, each is tried by itself. Returns those that cannot be stored now, and why.
CREATE OR REPLACE FUNCTION mainspring.register_lines(worker integer, lines jsonb, since_start interval)
RETURNS TABLE (line_name text, problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    started timestamptz := mainspring.now() - since_start;
    line jsonb;
    deadline timestamptz;
BEGIN
    BEGIN
        -- In the order of the names: two processes that start at once wait for each other in one direction.
        PERFORM mainspring.register_line(worker, l, started) FROM jsonb_array_elements(lines) AS l ORDER BY l ->> 'name';
        RETURN;
    EXCEPTION WHEN OTHERS THEN
        deadline := clock_timestamp() + interval '1 second';
    END;
    FOR line IN SELECT l FROM jsonb_array_elements(lines) AS l ORDER BY l ->> 'name' LOOP
        line_name := line ->> 'name';
        BEGIN
            PERFORM mainspring.register_line(worker, line, started);
            CONTINUE;
        EXCEPTION
            WHEN lock_not_available THEN problem := 'another transaction holds a lock that it needs';
            WHEN OTHERS THEN problem := left(SQLERRM, 1000);
        END;
        RETURN NEXT;
        IF clock_timestamp() > deadline THEN
            PERFORM set_config('lock_timeout', '1ms', true);
        END IF;
    END LOOP;
END $$;
