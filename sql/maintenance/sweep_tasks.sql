-- Deletes what was published of tasks that no worker has known for 30 days, as `sweep` does. Notes once a day which are known.
CREATE OR REPLACE FUNCTION mainspring.sweep_tasks(OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT gone.done, gone.stuck + known.stuck, coalesce(gone.problem, known.problem)
    FROM mainspring.sweep(
        'SELECT t.name FROM mainspring.tasks AS t WHERE t.known_at < mainspring.now() - interval ''1 day''
            AND EXISTS (SELECT FROM mainspring.workers AS w WHERE t.name = ANY (w.tasks))',
        'UPDATE mainspring.tasks AS t SET known_at = mainspring.now() WHERE t.name = ANY ($1)', 1000000) AS known
    CROSS JOIN mainspring.sweep(
        'SELECT t.name FROM mainspring.tasks AS t WHERE t.known_at < mainspring.now() - interval ''30 days''
            AND NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE t.name = ANY (w.tasks))',
        'DELETE FROM mainspring.tasks AS t WHERE t.name = ANY ($1)', 1000000) AS gone;
$$;
