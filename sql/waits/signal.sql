-- Sends a signal to the jobs that wait for it, now or later. Returns whether it is new: a signal is sent once, and the first value
-- stands. It is kept for 90 days.
CREATE OR REPLACE FUNCTION mainspring.signal(name text, value jsonb DEFAULT 'null')
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(CASE
        WHEN signal.name IS NULL OR char_length(signal.name) NOT BETWEEN 1 AND 256
        THEN format('signal must be 1 to 256 characters, got %s', coalesce(char_length(signal.name)::text, 'NULL'))
        ELSE regexp_replace(mainspring.payload_problem(coalesce(signal.value, 'null')::text, mainspring.payload_limit()),
            '^payload', 'value') END);
    INSERT INTO mainspring.signals AS s (name, payload) VALUES (signal.name, coalesce(signal.value, 'null'))
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO mainspring.wait_events (signal) VALUES (signal.name);
    PERFORM pg_notify(mainspring.channel(), 'waits');
    RETURN true;
END $$;
