-- Drops every table with all jobs in it, and whatever is installed from sql/.
DROP TABLE mainspring.results CASCADE;
DROP TABLE mainspring.steps CASCADE;
DROP TABLE mainspring.operations CASCADE;
DROP TABLE mainspring.audit CASCADE;
DROP TABLE mainspring.sample CASCADE;
DROP TABLE mainspring.error_groups CASCADE;
DROP TABLE mainspring.stats CASCADE;
DROP TABLE mainspring.schedule_fires CASCADE;
DROP TABLE mainspring.schedules CASCADE;
DROP TABLE mainspring.history CASCADE;
DROP TABLE mainspring.all_paused CASCADE;
DROP TABLE mainspring.paused_tasks CASCADE;
DROP TABLE mainspring.tasks CASCADE;
DROP TABLE mainspring.task_slots CASCADE;
DROP TABLE mainspring.task_limits CASCADE;
DROP TABLE mainspring.queue_families CASCADE;
DROP TABLE mainspring.queues CASCADE;
DROP TABLE mainspring.workers CASCADE;
DROP TABLE mainspring.workflow_jobs CASCADE;
DROP TABLE mainspring.workflows CASCADE;
DROP TABLE mainspring.signals CASCADE;
DROP TABLE mainspring.wait_events CASCADE;
DROP TABLE mainspring.waits CASCADE;
DROP TABLE mainspring.jobs CASCADE;
-- The views and the functions that take or return rows went with their tables. These are the others.
DO $$
DECLARE
    function oid;
BEGIN
    FOR function IN
        SELECT p.oid FROM pg_proc AS p
        WHERE p.pronamespace = 'mainspring'::regnamespace AND p.proname IN (SELECT d.name FROM mainspring.definitions AS d)
    LOOP
        -- An earlier one may have taken it along.
        IF EXISTS (SELECT FROM pg_proc AS p WHERE p.oid = function) THEN
            EXECUTE format('DROP FUNCTION %s CASCADE', function::regprocedure);
        END IF;
    END LOOP;
END $$;
DROP TABLE mainspring.installed;
DROP TABLE mainspring.definitions;
DROP TYPE mainspring.fired;
DROP TYPE mainspring.judged_fire;
DROP TYPE mainspring.job_reason;
DROP TYPE mainspring.job_event;
DROP TYPE mainspring.task_gate;
DROP TYPE mainspring.queue_space;
DROP TYPE mainspring.admission;
DROP TYPE mainspring.new_job;
DROP TYPE mainspring.job_state;
