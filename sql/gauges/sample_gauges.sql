-- Returns the gauges that were sampled last, or NULL before the first time. Samples them first if that was nine seconds ago, and no other process does it now.
CREATE OR REPLACE FUNCTION mainspring.sample_gauges()
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last mainspring.sample;
    horizon record;
BEGIN
    -- Only where it is missing: in a new database, or one that was restored without data.
    INSERT INTO mainspring.sample (sampled_at, gauges) SELECT timestamptz 'epoch', '{}'
        WHERE NOT EXISTS (SELECT FROM mainspring.sample) ON CONFLICT DO NOTHING;
    -- A clock that was set back does not stop it for long. A transaction that began before the last sample may come after it.
    SELECT s.* INTO last FROM mainspring.sample AS s
        WHERE s.sampled_at NOT BETWEEN mainspring.now() - interval '9 seconds' AND mainspring.now() + interval '9 seconds'
        FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN (SELECT nullif(s.gauges, '{}') FROM mainspring.sample AS s);
    END IF;
    SELECT h.* INTO horizon FROM mainspring.horizon() AS h;
    last.horizon_since := CASE WHEN horizon.xmin = last.horizon THEN least(last.horizon_since, mainspring.now())
        ELSE mainspring.now() END;
    last.horizon := horizon.xmin;
    last.sampled_at := mainspring.now();
    last.gauges := mainspring.read_gauges(horizon.transactions, last.horizon_since);
    UPDATE mainspring.sample AS s SET sampled_at = last.sampled_at, horizon = last.horizon, horizon_since = last.horizon_since,
        gauges = last.gauges;
    RETURN last.gauges;
END $$;
