-- Gives all queues without limits of their own those of their families, where these are others now. The
-- triggers of `queues` do the rest.
CREATE OR REPLACE FUNCTION mainspring.queue_families_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE mainspring.queues AS q
    SET concurrency = f.concurrency, rate_limit = f.rate_limit, rate_period = f.rate_period, source = f.source,
        updated_at = mainspring.now()
    FROM (SELECT o.name, coalesce(f.concurrency, 1) AS concurrency, f.rate_limit, f.rate_period,
            coalesce(f.prefix || '*', 'default') AS source
        FROM mainspring.queues AS o CROSS JOIN LATERAL mainspring.family_of(o.name) AS f WHERE o.source <> 'own') AS f
    WHERE q.name = f.name AND q.source <> 'own'
        AND (q.concurrency, q.rate_limit, q.rate_period, q.source)
            IS DISTINCT FROM (f.concurrency, f.rate_limit, f.rate_period, f.source);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER queue_families_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON mainspring.queue_families
    FOR EACH STATEMENT EXECUTE FUNCTION mainspring.queue_families_changed();
