-- Deletes jobs that died longer ago than `older_than`, the oldest first and at most `most`, as `sweep` does.
CREATE OR REPLACE FUNCTION mainspring.sweep_dead_jobs(older_than interval, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.refuse(coalesce(mainspring.retention_problem('older_than', older_than),
        CASE WHEN most < 0 THEN format('most must be at least 0, got %s', most) END));
    SELECT s.* FROM mainspring.sweep(
        format('SELECT d.id::text FROM mainspring.jobs AS d WHERE d.state = ''dead''
            AND d.updated_at < mainspring.now() - %L::interval ORDER BY d.updated_at', older_than),
        'DELETE FROM mainspring.jobs AS j WHERE j.id = ANY ($1::bigint[])
            RETURNING CASE WHEN j.linked THEN mainspring.tell_ended(j.id, ''deleted'') END', most) AS s;
$$;
