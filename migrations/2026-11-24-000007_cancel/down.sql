-- Takes the functions that cancel away; the jobs stay.
DROP FUNCTION mainspring.cancel_jobs(bigint[], text);
DROP FUNCTION mainspring.write_history(mainspring.jobs[], text, text);
