-- Notes that a job of `waits` has ended, for those that wait for it, and for its own rows there. It waits for no lock. A scheduler
-- carries it over after the commit, see `handle_wait_events`.
CREATE OR REPLACE FUNCTION mainspring.tell_ended(ended bigint, ending text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO mainspring.wait_events (job_id, ending) VALUES (ended, tell_ended.ending);
    PERFORM pg_notify(mainspring.channel(), 'waits');
END $$;
