-- Takes every table away, with all jobs in it.
DROP VIEW mainspring.jobs_view;
DROP FUNCTION mainspring.prepare_history(timestamptz);
DROP TABLE mainspring.history;
DROP TABLE mainspring.cron_fires;
DROP TABLE mainspring.paused_tasks;
DROP TABLE mainspring.queues;
DROP TABLE mainspring.workers;
DROP TABLE mainspring.jobs;
DROP FUNCTION mainspring.flags_are_valid(text[]);
DROP FUNCTION mainspring.waiting_state(text, timestamptz, timestamptz);
DROP TYPE mainspring.job_state;
DROP FUNCTION mainspring.compatible_from();
