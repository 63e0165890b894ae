-- Takes everything back that the grant functions have granted to a role.
CREATE OR REPLACE FUNCTION mainspring.revoke_grants(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mainspring FROM %I', role_name);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA mainspring FROM %I', role_name);
    EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA mainspring FROM %I', role_name);
    EXECUTE format('REVOKE ALL ON SCHEMA mainspring FROM %I', role_name);
END $$;
