-- Takes bulk enqueueing from SQL away; the jobs stay.
DROP FUNCTION mainspring.add_jobs(jsonb);
DROP FUNCTION mainspring.spec_problem(jsonb);
DROP FUNCTION mainspring.moment_of(text);
