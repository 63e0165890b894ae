-- Returns for each state how many jobs the planner expects, and whether its indexes are small enough to be read: by their pages,
-- or by the planner's word where dead rows are no danger.
CREATE OR REPLACE FUNCTION mainspring.state_sizes(may_walk boolean)
RETURNS TABLE (state text, expected bigint, small boolean)
LANGUAGE sql
STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.state, sum(s.expected)::bigint,
        bool_and(s.pages <= 32 OR (may_walk AND s.expected <= 4 * mainspring.count_limit()))
    FROM (VALUES ('waiting', 'mainspring.jobs_waiting'::regclass), ('scheduled', 'mainspring.jobs_scheduled'),
        ('parked', 'mainspring.jobs_parked'), ('ready', 'mainspring.jobs_ready'), ('ready', 'mainspring.jobs_flagged'), ('running', 'mainspring.jobs_running'),
        ('held', 'mainspring.jobs_held'), ('dead', 'mainspring.jobs_dead')) AS i(state, index)
    CROSS JOIN LATERAL mainspring.expected_rows(i.index) AS s GROUP BY i.state;
$$;
