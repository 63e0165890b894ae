-- Adds the jobs whose keys no living job has, for `try_enqueue_keyed`, in the order of the keys. Of several jobs with one key it
-- adds only the first: the others must come after it.
--
-- The ids rise with the places in the input, so the bucket of an id among them is its place.
CREATE OR REPLACE FUNCTION mainspring.add_free_jobs(ids bigint[], jobs mainspring.new_job[], moment timestamptz)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN QUERY
    WITH added AS (
        INSERT INTO mainspring.jobs AS j
            (id, task, payload, queue, run_at, priority, max_attempts, key, flags, trace_context, version, state)
        SELECT ids[s.ord], (s.job).task, (s.job).payload::jsonb, (s.job).queue, (s.job).run_at, (s.job).priority,
            (s.job).max_attempts, (s.job).key, (s.job).flags, (s.job).trace_context, (s.job).version,
            mainspring.waiting_state((s.job).queue, (s.job).run_at, moment)
        FROM (
            SELECT r.ord, r.job, (r.job).key IS NULL OR lag((r.job).key) OVER (ORDER BY (r.job).key NULLS FIRST, r.ord)
                IS DISTINCT FROM (r.job).key AS first
            FROM mainspring.job_rows(jobs, moment) AS r
        ) AS s
        WHERE s.first
        ORDER BY (s.job).key NULLS FIRST, s.ord
        ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO NOTHING
        RETURNING j.id, j.state, j.priority, j.run_at)
    SELECT width_bucket(a.id, ids)::bigint, a.id, a.state, a.priority, a.run_at FROM added AS a;
END $$;
