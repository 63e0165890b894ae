-- Pauses everything: no process claims, admits, promotes or fires until `resume_all`, and running jobs go on. Returns false if
-- everything was paused already.
CREATE OR REPLACE FUNCTION mainspring.pause_all()
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO mainspring.all_paused DEFAULT VALUES ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;
