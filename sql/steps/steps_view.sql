-- Shows which steps of jobs are stored, without their values, to roles that may read.
CREATE OR REPLACE VIEW mainspring.steps_view AS
SELECT job_id, position, name, finished_at FROM mainspring.steps;
