-- Deletes steps whose job is gone, at most `most`, as `sweep` does. Looks at ten times as many, those of the jobs behind `after_id`.
-- Returns in `last_id` behind which job to look on, or NULL at the end.
--
-- Nothing deletes steps in the statement that ends a job, because each job would pay for that.
CREATE OR REPLACE FUNCTION mainspring.sweep_steps(
    after_id bigint, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text, OUT last_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    looked_at bigint;
BEGIN
    SELECT count(*), max(p.job_id) INTO looked_at, last_id FROM (
        SELECT s.job_id FROM mainspring.steps AS s WHERE s.job_id > after_id ORDER BY s.job_id LIMIT most * 10) AS p;
    SELECT s.* INTO done, stuck, problem FROM mainspring.sweep(
        format('SELECT s.job_id::text FROM mainspring.steps AS s WHERE s.job_id > %L::bigint AND s.job_id <= %L::bigint
            AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = s.job_id) ORDER BY s.job_id', after_id, coalesce(last_id, after_id)),
        'DELETE FROM mainspring.steps AS s WHERE s.job_id = ANY ($1::bigint[])', most) AS s;
    IF done >= most THEN
        last_id := after_id;
    ELSIF looked_at < most * 10 THEN
        last_id := NULL;
    END IF;
END $$;
