-- Returns for how long the oldest ready job of each task has been due. It skips from one task and priority to the next, up to
-- 300 of them, and keeps the 50 tasks with the oldest jobs.
CREATE OR REPLACE FUNCTION mainspring.oldest_ready(may_walk boolean)
RETURNS TABLE (task text, seconds double precision)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH RECURSIVE plain AS (
        (SELECT j.task, j.priority, coalesce(j.turn_at, j.run_at) AS due FROM mainspring.jobs AS j
            WHERE j.state = 'ready' AND j.flags IS NULL AND may_walk
            ORDER BY j.task, j.priority, coalesce(j.turn_at, j.run_at) LIMIT 1)
        UNION ALL
        SELECT n.* FROM plain AS p CROSS JOIN LATERAL (
            SELECT j.task, j.priority, coalesce(j.turn_at, j.run_at) FROM mainspring.jobs AS j
            WHERE j.state = 'ready' AND j.flags IS NULL AND (j.task, j.priority) > (p.task, p.priority)
            ORDER BY j.task, j.priority, coalesce(j.turn_at, j.run_at) LIMIT 1) AS n
    ), flagged AS (
        (SELECT j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at) AS due FROM mainspring.jobs AS j
            WHERE j.state = 'ready' AND j.flags IS NOT NULL AND may_walk
            ORDER BY j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at) LIMIT 1)
        UNION ALL
        SELECT n.* FROM flagged AS p CROSS JOIN LATERAL (
            SELECT j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at) FROM mainspring.jobs AS j
            WHERE j.state = 'ready' AND j.flags IS NOT NULL AND (j.task, j.flags, j.priority) > (p.task, p.flags, p.priority)
            ORDER BY j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at) LIMIT 1) AS n
    ), heads AS (
        (SELECT p.task, p.due FROM plain AS p LIMIT 300) UNION ALL (SELECT f.task, f.due FROM flagged AS f LIMIT 300)
    )
    SELECT h.task, greatest(extract(epoch FROM mainspring.now() - min(h.due)), 0)::float8
    FROM heads AS h GROUP BY h.task ORDER BY 2 DESC, h.task LIMIT 50;
$$;
