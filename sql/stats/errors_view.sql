-- Shows the groups of errors, with the numbers of all the time that is kept: 90 days. An empty fingerprint stands for all errors
-- without a group.
CREATE OR REPLACE VIEW mainspring.errors_view AS
SELECT e.fingerprint, e.task, e.summary, e.failed, e.dead, e.first_seen, e.last_seen, e.job_id, e.attempt, e.error
FROM mainspring.errors_since('-infinity') AS e;
