-- What it says about that, with the reason why its worker is gone.
CREATE OR REPLACE FUNCTION mainspring.error_when_lost(job mainspring.jobs, reason text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat_ws(': ', CASE WHEN (job).superseded THEN 'superseded' END, 'cancelled: ' || (job).cancel_reason, reason);
