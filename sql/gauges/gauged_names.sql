-- Returns the jobs of each state by task, and the parked ones by queue: the 50 names with most jobs, and the others together under
-- the empty name.
CREATE OR REPLACE FUNCTION mainspring.gauged_names(may_walk boolean)
RETURNS TABLE (kind text, state text, name text, jobs bigint, measured text)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    -- Windows and no joins: our sessions have no hash joins, and there may be thousands of names.
    WITH summed AS (
        SELECT g.*, sum(g.jobs) OVER (PARTITION BY g.kind, g.name) AS total FROM mainspring.gauged_jobs(may_walk) AS g
    ), ranked AS (
        SELECT s.*, dense_rank() OVER (PARTITION BY s.kind, s.name = '' ORDER BY s.total DESC, s.name) AS place FROM summed AS s
    ), shown AS (
        SELECT r.kind, r.state, CASE WHEN r.place <= 50 THEN r.name ELSE '' END AS name, r.jobs, r.measured FROM ranked AS r
    )
    SELECT s.kind, s.state, s.name, sum(s.jobs)::bigint, max(s.measured)
    FROM shown AS s GROUP BY s.kind, s.state, s.name;
$$;
