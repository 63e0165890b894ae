-- Lets a role add jobs, and remove them by their keys. The role cannot read any table or view.
CREATE OR REPLACE FUNCTION mainspring.grant_enqueue(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA mainspring TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.enqueue, mainspring.enqueue_jobs, '
        'mainspring.labels_of, mainspring.with_task_options, mainspring.unknown_tasks, mainspring.refuse, '
        'mainspring.add_job, mainspring.add_jobs, mainspring.enqueue_waiting, mainspring.add_workflow, '
        'mainspring.enqueue_workflow, mainspring.signal, mainspring.remove_job, '
        'mainspring.payload_limit, '
        'mainspring.compatible_from, mainspring.now TO %I', role_name);
END $$;
