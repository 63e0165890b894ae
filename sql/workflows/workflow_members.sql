-- Returns the jobs of a workflow in the order in which they were added, at most `most`, behind the job `after_id` and up to `last_id`.
-- `of_state` is a state of the table `jobs`, or `ended` for jobs that have no row there. `state` is that of `find_job`, or `gone` where
-- the history knows nothing. `parents` are jobs of the workflow, and `signals` what it still waits for.
CREATE OR REPLACE FUNCTION mainspring.workflow_members(workflow bigint, after_id bigint DEFAULT 0, most bigint DEFAULT 10000,
    last_id bigint DEFAULT 9223372036854775807, of_state text DEFAULT NULL)
RETURNS TABLE (id bigint, name text, task text, state text, attempts smallint, is_callback boolean, parents bigint[], signals text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = on
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
DECLARE
    members bigint[] := ARRAY(SELECT m.job_id FROM mainspring.workflow_jobs AS m
        WHERE m.workflow_id = workflow AND m.job_id > after_id AND m.job_id <= last_id AND (of_state IS NULL
            OR of_state = coalesce((SELECT j.state::text FROM mainspring.jobs AS j WHERE j.id = m.job_id), 'ended'))
        ORDER BY m.job_id LIMIT most);
    absent bigint[] := ARRAY(SELECT m FROM unnest(members) AS m WHERE NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = m));
BEGIN
    RETURN QUERY
    WITH ended AS MATERIALIZED (
        SELECT DISTINCT ON (h.id) h.id, h.task, h.outcome, h.attempts FROM mainspring.history_view AS h
        WHERE h.id = ANY (absent) ORDER BY h.id, h.finished_at DESC)
    SELECT m.job_id, m.name, coalesce(j.task, e.task), coalesce(j.state::text, e.outcome, 'gone'), coalesce(j.attempts, e.attempts),
        m.job_id IS NOT DISTINCT FROM f.callback, m.parents, ARRAY(SELECT w.signal FROM mainspring.waits AS w
            WHERE w.child = m.job_id AND w.parent = 0 AND w.ending IS NULL ORDER BY w.signal)
    FROM mainspring.workflow_jobs AS m JOIN mainspring.workflows AS f ON f.id = m.workflow_id
    LEFT JOIN mainspring.jobs AS j ON j.id = m.job_id LEFT JOIN ended AS e ON e.id = m.job_id
    WHERE m.workflow_id = workflow AND m.job_id = ANY (members) ORDER BY m.job_id;
END $$;
