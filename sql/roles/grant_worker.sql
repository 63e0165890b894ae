-- Lets a role run schedulers that do not migrate (`without_migrations`), and administer. It can do everything but change the
-- schema and grant. Call it again after an upgrade: what an upgrade adds is not granted yet.
CREATE OR REPLACE FUNCTION mainspring.grant_worker(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    granted text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mainspring TO %I', role_name);
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON mainspring.__diesel_schema_migrations, mainspring.definitions, '
        'mainspring.installed FROM %I', role_name);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA mainspring TO %I', role_name);
    FOR granted IN
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = 'mainspring'::regnamespace
            AND p.proname NOT IN ('grant_enqueue', 'grant_schedules', 'grant_read', 'grant_admin', 'grant_worker',
                'revoke_grants')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, role_name);
    END LOOP;
END $$;
