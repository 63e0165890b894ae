-- Adds one job and returns it as `jobs_view` shows it. Only `task` is needed. NULL means what the task has published, and else the
-- default. Warns of a task that no living worker knows. With `unsafe_dedupe` the job
-- of the key may be that of another caller: then only its id and state come with what this caller gave.
--
-- With `after` and `signals` the job waits for these jobs and signals. `on_failure` says what becomes of it if one of the jobs does
-- not succeed: `hold` (the default), `cancel` or `run`.
CREATE OR REPLACE FUNCTION mainspring.add_job(
    task text, payload jsonb DEFAULT '{}', queue text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, key text DEFAULT NULL, priority integer DEFAULT NULL,
    flags text[] DEFAULT NULL, key_mode text DEFAULT NULL, trace_context text DEFAULT NULL,
    after bigint[] DEFAULT NULL, signals text[] DEFAULT NULL, on_failure text DEFAULT NULL, version integer DEFAULT NULL)
RETURNS mainspring.jobs_view
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    job mainspring.new_job := ROW(task, mainspring.payload_text(payload), queue, run_at, priority, max_attempts, key, key_mode, flags,
        coalesce(trace_context, mainspring.session_trace_context()), version);
    added bigint;
BEGIN
    IF after IS NULL AND signals IS NULL AND on_failure IS NULL THEN
        SELECT e.job_id INTO added FROM mainspring.enqueue_jobs(mainspring.with_task_options(ARRAY[job])) AS e;
    ELSE
        SELECT e.job_id INTO added FROM mainspring.enqueue_waiting(
            mainspring.with_task_options(ARRAY[job]), ARRAY[mainspring.waits_json(after, signals, on_failure)]) AS e;
    END IF;
    PERFORM mainspring.warn_now_and_then(ARRAY[task]);
    RETURN mainspring.added_job(added, job);
END $$;
