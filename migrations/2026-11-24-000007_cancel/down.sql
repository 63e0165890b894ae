-- Takes the functions that cancel away; the jobs stay.
DROP FUNCTION mainspring.cancel_jobs(bigint[], text);
DROP FUNCTION mainspring.wake_after(mainspring.jobs[], bigint[]);
DROP FUNCTION mainspring.jobs_by_hand(bigint[]);
DROP FUNCTION mainspring.reason_given(text, text);
DROP FUNCTION mainspring.error_when_lost(mainspring.jobs, text);
DROP FUNCTION mainspring.state_when_lost(mainspring.jobs);
DROP FUNCTION mainspring.complete_attempt(bigint, bigint, boolean);
DROP FUNCTION mainspring.write_history(mainspring.jobs[], text, text);
