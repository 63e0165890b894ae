-- Takes the functions of administration away; the jobs stay.
DROP FUNCTION mainspring.delete_dead_jobs(interval, bigint);
DROP FUNCTION mainspring.release_lost_workers();
DROP FUNCTION mainspring.release_workers(integer[]);
DROP FUNCTION mainspring.retry_jobs(bigint[], timestamptz);
DROP FUNCTION mainspring.reschedule_jobs(bigint[], timestamptz, integer, integer, integer);
DROP FUNCTION mainspring.put_back(mainspring.jobs, timestamptz, integer, integer, integer);
DROP FUNCTION mainspring.delete_jobs(bigint[]);
DROP FUNCTION mainspring.fail_jobs(bigint[], text);
DROP FUNCTION mainspring.complete_jobs(bigint[], text);
