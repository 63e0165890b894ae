-- Lets a role create, change, trigger and list schedules, and so add jobs of any task. It sees the payloads of schedules.
CREATE OR REPLACE FUNCTION mainspring.grant_schedules(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.write_schedule, mainspring.create_schedule, '
        'mainspring.update_schedule, mainspring.pause_schedule, mainspring.resume_schedule, '
        'mainspring.delete_schedule, mainspring.trigger_schedule, mainspring.add_audit, mainspring.unknown_tasks, '
        'mainspring.unredacted_tasks, '
        'mainspring.payload_misfit, mainspring.default_priority, mainspring.default_max_attempts, mainspring.now, '
        'mainspring.is_alive TO %I', role_name);
    EXECUTE format('GRANT SELECT ON mainspring.schedules_view, mainspring.schedule_fires, mainspring.jobs_view TO %I',
        role_name);
END $$;
