-- Lets a role administer: it reads what `grant_read` shows, acts on jobs and workers, sets and pauses queues, tasks or
-- everything, and adds to the audit log. It sees no payload, adds no job, edits no schedule, and changes no table but `queues`, from which it may delete.
CREATE OR REPLACE FUNCTION mainspring.grant_admin(role_name name)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.grant_read(role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION mainspring.complete_jobs, mainspring.fail_jobs, mainspring.cancel_jobs, '
        'mainspring.reschedule_jobs, mainspring.retry_jobs, mainspring.delete_jobs, mainspring.delete_dead_jobs, mainspring.clear_steps, '
        'mainspring.retry_workflow, mainspring.cancel_workflow, mainspring.release_jobs, '
        'mainspring.release_workers, mainspring.release_lost_workers, mainspring.set_queue, '
        'mainspring.set_queue_if_absent, mainspring.pause_queue, mainspring.resume_queue, '
        'mainspring.pause_task, mainspring.resume_task, mainspring.pause_all, '
        'mainspring.resume_all, mainspring.remove_unused_queues, mainspring.set_task_limit, '
        'mainspring.set_task_limit_if_absent, mainspring.remove_task_limit, mainspring.set_queue_family, '
        'mainspring.set_queue_family_if_absent, mainspring.remove_queue_family, mainspring.add_audit TO %I', role_name);
    EXECUTE format('GRANT DELETE ON mainspring.queues TO %I', role_name);
END $$;
