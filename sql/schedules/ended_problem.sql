-- Returns what is wrong with a new schedule that is over before it begins, or NULL. A change may end a schedule at any time.
CREATE OR REPLACE FUNCTION mainspring.ended_problem(ends_at timestamptz)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN ends_at <= mainspring.now() THEN format('ends_at must be in the future, got %s', ends_at) END;
