-- Deletes workflows that are older than `older_than` and of which no job is stored, at most `most`, as `sweep` does. Looks at ten times
-- as many, those behind `after_id`. Returns in `last_id` behind which to look on, or NULL at the end.
CREATE OR REPLACE FUNCTION mainspring.sweep_workflows(
    older_than interval, after_id bigint, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text, OUT last_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    looked_at bigint;
BEGIN
    SELECT count(*), max(p.id) INTO looked_at, last_id FROM (
        SELECT f.id FROM mainspring.workflows AS f WHERE f.id > after_id ORDER BY f.id LIMIT most * 10) AS p;
    SELECT s.* INTO done, stuck, problem FROM mainspring.sweep(
        format('SELECT f.id::text FROM mainspring.workflows AS f WHERE f.id > %L::bigint AND f.id <= %L::bigint
            AND f.created_at < mainspring.now() - %L::interval AND NOT EXISTS (SELECT FROM mainspring.workflow_jobs AS m
                JOIN mainspring.jobs AS j ON j.id = m.job_id WHERE m.workflow_id = f.id) ORDER BY f.id',
            after_id, coalesce(last_id, after_id), older_than),
        'WITH members AS (DELETE FROM mainspring.workflow_jobs AS m WHERE m.workflow_id = ANY ($1::bigint[]))
            DELETE FROM mainspring.workflows AS f WHERE f.id = ANY ($1::bigint[])', most) AS s;
    IF done >= most THEN
        last_id := after_id;
    ELSIF looked_at < most * 10 THEN
        last_id := NULL;
    END IF;
END $$;
