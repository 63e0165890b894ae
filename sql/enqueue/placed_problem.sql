-- Returns the problem of one job of several, behind its place among them.
CREATE OR REPLACE FUNCTION mainspring.placed_problem(problem text, place bigint, jobs bigint)
RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jobs > 1 THEN format('job %s of %s: ', place, jobs) ELSE '' END || problem;
