-- Returns those of the tasks that no living worker has a handler for, each once.
CREATE OR REPLACE FUNCTION mainspring.unknown_tasks(tasks text[])
RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN ARRAY(SELECT a.task FROM (SELECT DISTINCT u.task FROM unnest(tasks) AS u(task)) AS a
    WHERE NOT EXISTS (SELECT FROM mainspring.workers AS w WHERE a.task = ANY (w.tasks)
        AND mainspring.is_alive(w.heartbeat_at, w.timeout))
    ORDER BY a.task);
