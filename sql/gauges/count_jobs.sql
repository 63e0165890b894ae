-- Counts the jobs in these states by task and queue, in the order of the index of each state, and up to a limit.
CREATE OR REPLACE FUNCTION mainspring.count_jobs(states text[])
RETURNS TABLE (state text, task text, queue text, jobs bigint)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'waiting', c.task, NULL::text, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'waiting' ORDER BY j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'waiting' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'held', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'held' ORDER BY j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'held' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'scheduled', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'scheduled'
        ORDER BY j.run_at, j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'scheduled' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'parked', c.task, c.queue, count(*) FROM (
        SELECT j.task, j.queue FROM mainspring.jobs AS j WHERE j.state = 'parked'
        ORDER BY j.queue, j.priority, j.run_at, j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'parked' = ANY (states) GROUP BY c.task, c.queue
    UNION ALL SELECT 'ready', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NULL
        ORDER BY j.task, j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'ready' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'ready', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NOT NULL
        ORDER BY j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT mainspring.count_limit()) AS c
    WHERE 'ready' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'running', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'running'
        ORDER BY j.worker_id LIMIT mainspring.count_limit()) AS c
    WHERE 'running' = ANY (states) GROUP BY c.task
    UNION ALL SELECT 'dead', c.task, NULL, count(*) FROM (
        SELECT j.task FROM mainspring.jobs AS j WHERE j.state = 'dead'
        ORDER BY j.updated_at LIMIT mainspring.count_limit()) AS c
    WHERE 'dead' = ANY (states) GROUP BY c.task;
$$;
