-- Lets a role read jobs, history, queues, workers and migrations, and so the status. It sees no payload, no value of a step, no
-- result and no properties of a workflow, and changes nothing.
CREATE OR REPLACE FUNCTION mainspring.grant_read(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation record;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    FOR relation IN
        SELECT c.relname, string_agg(quote_ident(a.attname), ', ') AS columns
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
            AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('payload', 'properties')
            AND NOT (c.relname IN ('steps', 'results') AND a.attname IN ('value', 'payload_hash'))
        GROUP BY c.relname
    LOOP
        EXECUTE format('GRANT SELECT (%s) ON mainspring.%I TO %I', relation.columns, relation.relname, role_name);
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.find_job, mainspring.workflow_members, mainspring.workflows_page, mainspring.jobs_in_state, mainspring.history_lines, mainspring.explain_job, mainspring.compatible_from, '
        'mainspring.payload_misfit, '
        'mainspring.default_priority, mainspring.default_max_attempts, mainspring.now, mainspring.is_alive, mainspring.family_of, '
        'mainspring.errors_since, mainspring.quantile_ms TO %I', role_name);
END $$;
