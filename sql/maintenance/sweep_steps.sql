-- Deletes steps whose job is gone, at most `most`, of the jobs behind `after_id`, as `sweep_behind` does.
--
-- Nothing deletes steps in the statement that ends a job, because each job would pay for that.
CREATE OR REPLACE FUNCTION mainspring.sweep_steps(
    after_id bigint, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text, OUT last_id bigint)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep_behind('mainspring.steps AS s', 's.job_id',
        'NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = s.job_id)',
        'DELETE FROM mainspring.steps AS s WHERE s.job_id = ANY ($1::bigint[])', after_id, most) AS s;
$$;
