-- Returns the latest workflows behind `before_id`, of one name if that is given, as `workflows_view` shows them. `members` counts
-- jobs with the callback, up to one more than `most_of_one`. `counted` is NULL for a workflow with more of them, and for those for
-- which the whole page would look at more than `most_in_all` jobs.
CREATE OR REPLACE FUNCTION mainspring.workflows_page(
    before_id bigint, only_name text, most bigint, most_of_one bigint, most_in_all bigint)
RETURNS TABLE (id bigint, name text, created_at timestamptz, cancelled_at timestamptz, callback bigint, members bigint, counted json)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    ids bigint[] := CASE WHEN only_name IS NULL
        THEN ARRAY(SELECT f.id FROM mainspring.workflows AS f WHERE f.id < before_id ORDER BY f.id DESC LIMIT most)
        ELSE ARRAY(SELECT f.id FROM mainspring.workflows AS f WHERE f.id < before_id AND f.name = only_name ORDER BY f.id DESC LIMIT most) END;
BEGIN
    RETURN QUERY
    WITH sized AS MATERIALIZED (
        SELECT f.id, f.name, f.created_at, f.cancelled_at, f.callback, (SELECT count(*) FROM (
            SELECT FROM mainspring.workflow_jobs AS m WHERE m.workflow_id = f.id LIMIT most_of_one + 1) AS s) AS members
        FROM mainspring.workflows AS f WHERE f.id = ANY (ids)),
    summed AS (
        SELECT s.*, sum(s.members) FILTER (WHERE s.members <= most_of_one) OVER (ORDER BY s.id DESC) AS looks FROM sized AS s)
    SELECT s.id, s.name, s.created_at, s.cancelled_at, s.callback, s.members, CASE WHEN s.members <= most_of_one AND s.looks <= most_in_all
        THEN (SELECT row_to_json(v) FROM mainspring.workflows_view AS v WHERE v.id = s.id) END
    FROM summed AS s ORDER BY s.id DESC;
END $$;
