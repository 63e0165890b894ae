-- Deletes workflows that are older than `older_than` and of which no job is stored, at most `most`, of those behind `after_id`, as
-- `sweep_behind` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_workflows(
    older_than interval, after_id bigint, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text, OUT last_id bigint)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.* FROM mainspring.sweep_behind('mainspring.workflows AS f', 'f.id',
        format('f.created_at < mainspring.now() - %L::interval AND NOT EXISTS (SELECT FROM mainspring.workflow_jobs AS m
            JOIN mainspring.jobs AS j ON j.id = m.job_id WHERE m.workflow_id = f.id)', older_than),
        'WITH members AS (DELETE FROM mainspring.workflow_jobs AS m WHERE m.workflow_id = ANY ($1::bigint[]))
            DELETE FROM mainspring.workflows AS f WHERE f.id = ANY ($1::bigint[])', after_id, most) AS s;
$$;
