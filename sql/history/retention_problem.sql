-- Returns what is wrong with a retention: how long something is kept before it is deleted.
CREATE OR REPLACE FUNCTION mainspring.retention_problem(field text, retention interval)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN retention IS NULL OR retention < interval '0' OR retention > interval '1000 years'
    THEN format('%s must be 0 to 1000 years, got %s', field, coalesce(retention::text, 'NULL')) END;
