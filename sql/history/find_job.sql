-- Returns a job in any state, finished or not: `waiting`, `scheduled`, `parked`, `ready`, `running`, `dead`, `succeeded` or `cancelled`. No row
-- means that there never was such a job, that it was removed or deleted, or that the history keeps it no longer.
--
-- - `started_at` is when the last attempt was claimed. `finished_at` is when the job succeeded, was cancelled or died.
-- - What the history does not keep of a finished job is NULL.
-- - The two reads are of one snapshot. A finished job is found by the index `history_id`, whatever a session has switched off.
CREATE OR REPLACE FUNCTION mainspring.find_job(job_id bigint)
RETURNS TABLE (id bigint, task text, queue text, state text, priority smallint, run_at timestamptz, attempts smallint,
    max_attempts smallint, deaths smallint, snoozes bigint, key text, flags text[], revision bigint, created_at timestamptz,
    updated_at timestamptz, started_at timestamptz, finished_at timestamptz, worker_id integer, progress smallint,
    progress_note text, last_error text, reason text, errors jsonb, trace_context text, version integer)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = on
SET jit = off
SET max_parallel_workers_per_gather = 0
AS $$
BEGIN
    RETURN QUERY
    SELECT j.id, j.task, j.queue, j.state, j.priority, j.run_at, j.attempts, j.max_attempts, j.deaths, j.snoozes, j.key, j.flags,
        j.revision, j.created_at, j.updated_at, j.locked_at, CASE j.state WHEN 'dead' THEN j.updated_at END, j.worker_id,
        j.progress, j.progress_note, j.last_error, NULL::text, j.errors, j.trace_context, j.version
    FROM mainspring.jobs_view AS j WHERE j.id = job_id;
    IF NOT FOUND THEN
        RETURN QUERY
        SELECT h.id, h.task, h.queue, h.outcome, h.priority, h.run_at, h.attempts, NULL::smallint, h.deaths, NULL::bigint, h.key,
            NULL::text[], NULL::bigint, h.created_at, h.finished_at, h.started_at, h.finished_at, h.worker_id, NULL::smallint,
            NULL::text, NULL::text, h.reason, h.errors, NULL::text, NULL::integer
        FROM mainspring.history_view AS h WHERE h.id = job_id ORDER BY h.finished_at DESC LIMIT 1;
    END IF;
END $$;
