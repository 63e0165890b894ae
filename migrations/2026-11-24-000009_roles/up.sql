-- Who may do what. Nobody but the owner may do anything, until one of the grant functions says so: to a role that adds jobs,
-- to one that edits schedules, to one that runs a scheduler, to one that only looks. All of them are called by the owner of the schema (or a superuser),
-- may be called again at any time, and are undone by `revoke_grants`.
--
-- Locks last as long as a change of privileges takes.

-- PostgreSQL lets everybody call a new function. The migration of any later function says this again; a test looks.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA mainspring FROM PUBLIC;

-- What anyone who may look sees of finished jobs: everything but the payload.
CREATE VIEW mainspring.history_view AS
SELECT id, task, queue, outcome, priority, run_at, attempts, key, reason, created_at, started_at, finished_at, worker_id
FROM mainspring.history;

-- Drops the partitions of the history whose last moment is older than `retention`, and answers their names. It runs as the
-- owner, whom dropping needs. Whoever finds the lock of making partitions taken leaves the work to the other.
CREATE FUNCTION mainspring.drop_history(retention interval)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text;
BEGIN
    IF NOT pg_try_advisory_xact_lock(1836216166, 1) THEN
        RETURN;
    END IF;
    FOR partition IN
        SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'mainspring.history'::regclass AND c.relname ~ '^history_[0-9]{8}$'
            AND (to_date(right(c.relname::text, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
                < clock_timestamp() - retention
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE IF EXISTS mainspring.%I', partition);
        RETURN NEXT partition;
    END LOOP;
END $$;

-- Lets a role add jobs and take them back by key, and nothing else: it reads no table and no view.
CREATE FUNCTION mainspring.grant_enqueue(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.enqueue, mainspring.add_job, mainspring.add_jobs, '
        'mainspring.remove_job TO %I', role_name);
END $$;

-- Lets a role make, change, trigger and list schedules, and so add jobs of any task; their payloads it sees.
CREATE FUNCTION mainspring.grant_schedules(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.write_schedule, mainspring.create_schedule, '
        'mainspring.update_schedule, mainspring.pause_schedule, mainspring.resume_schedule, '
        'mainspring.delete_schedule, mainspring.trigger_schedule TO %I', role_name);
    EXECUTE format('GRANT SELECT ON mainspring.schedules_view, mainspring.schedule_fires, mainspring.jobs_view TO %I',
        role_name);
END $$;

-- Lets a role see jobs, finished jobs, queues, workers and migrations, and so the status, but no payload; it changes nothing.
CREATE FUNCTION mainspring.grant_read(role_name name)
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
            AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'payload'
        GROUP BY c.relname
    LOOP
        EXECUTE format('GRANT SELECT (%s) ON mainspring.%I TO %I', relation.columns, relation.relname, role_name);
    END LOOP;
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.compatible_from TO %I', role_name);
END $$;

-- Lets a role run schedulers that do not migrate (`without_migrations`), and administer: everything but to change the schema
-- and to grant. What later migrations add is not in it: call this again after an upgrade.
CREATE FUNCTION mainspring.grant_worker(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    granted text;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mainspring TO %I', role_name);
    EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON mainspring.__diesel_schema_migrations FROM %I', role_name);
    EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA mainspring TO %I', role_name);
    FOR granted IN
        SELECT p.oid::regprocedure::text FROM pg_proc AS p
        WHERE p.pronamespace = 'mainspring'::regnamespace
            AND p.proname NOT IN ('grant_enqueue', 'grant_schedules', 'grant_read', 'grant_worker', 'revoke_grants')
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', granted, role_name);
    END LOOP;
END $$;

-- Takes back all that these functions have granted to a role.
CREATE FUNCTION mainspring.revoke_grants(role_name name)
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

REVOKE ALL ON FUNCTION mainspring.drop_history, mainspring.grant_enqueue, mainspring.grant_schedules, mainspring.grant_read,
    mainspring.grant_worker, mainspring.revoke_grants FROM PUBLIC;
