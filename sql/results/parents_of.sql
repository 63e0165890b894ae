-- Returns how the jobs have ended that a job has waited for, in the order of their ids: those behind `after_id`, at most `most`. A parent
-- that has not ended, because the job was released by hand, has its state as its ending.
CREATE OR REPLACE FUNCTION mainspring.parents_of(child_id bigint, after_id bigint, most bigint)
RETURNS TABLE (job_id bigint, ending text, reason text, value bytea)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT p.parent, coalesce(p.ending, f.state), coalesce(f.last_error, f.reason), r.value
    FROM (
        SELECT w.parent, w.ending FROM mainspring.waits AS w
        WHERE w.child = child_id AND w.parent > greatest(after_id, 0) ORDER BY w.parent LIMIT most) AS p
    LEFT JOIN mainspring.results AS r ON r.job_id = p.parent AND p.ending = 'succeeded'
    LEFT JOIN LATERAL mainspring.find_job(p.parent) AS f ON p.ending IS DISTINCT FROM 'succeeded'
    ORDER BY p.parent;
$$;
