-- The SQL functions of Graphile Worker, carried out by Mainspring, for triggers and programs that call them by these names. It
-- needs a schema that is not there: drop Graphile Worker's or rename it before, in the same transaction if callers are at work.
--
-- A caller needs what it needs for Mainspring, see mainspring.grant_enqueue, and USAGE on this schema. The bodies are texts, so that
-- no object of this schema depends on one of Mainspring, which a migration may have to make anew.
CREATE SCHEMA graphile_worker;

CREATE TYPE graphile_worker.job_spec AS (
    identifier text, payload json, queue_name text, run_at timestamptz, max_attempts smallint, job_key text, priority smallint,
    flags text[]);

CREATE TYPE graphile_worker.job AS (
    id bigint, queue_name text, task_identifier text, priority smallint, run_at timestamptz, attempts smallint, max_attempts smallint,
    last_error text, created_at timestamptz, updated_at timestamptz, key text, locked_at timestamptz, locked_by text, revision bigint,
    flags jsonb);

CREATE FUNCTION graphile_worker.as_job(job jsonb)
RETURNS graphile_worker.job
LANGUAGE sql STABLE
AS $$
    SELECT ROW(r.id, job ->> 'queue', job ->> 'task', r.priority, r.run_at, r.attempts, r.max_attempts, r.last_error, r.created_at,
        r.updated_at, r.key, r.locked_at, job ->> 'worker_id', r.revision,
        (SELECT jsonb_object_agg(f, true) FROM jsonb_array_elements_text(nullif(job -> 'flags', 'null')) AS f))::graphile_worker.job
    FROM jsonb_populate_record(NULL::graphile_worker.job, job - 'flags') AS r
$$;

CREATE FUNCTION graphile_worker.all_jobs()
RETURNS SETOF graphile_worker.job
LANGUAGE sql STABLE
AS $$
    SELECT j.id, j.queue, j.task, j.priority, j.run_at, j.attempts, j.max_attempts, j.last_error, j.created_at, j.updated_at, j.key,
        j.locked_at, j.worker_id::text, j.revision, (SELECT jsonb_object_agg(f, true) FROM unnest(j.flags) AS f)
    FROM mainspring.jobs_view AS j
$$;

CREATE VIEW graphile_worker.jobs AS SELECT * FROM graphile_worker.all_jobs();

CREATE FUNCTION graphile_worker.add_job(
    identifier text, payload json DEFAULT NULL, queue_name text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, job_key text DEFAULT NULL, priority integer DEFAULT NULL, flags text[] DEFAULT NULL,
    job_key_mode text DEFAULT 'replace')
RETURNS graphile_worker.job
LANGUAGE sql
AS $$
    SELECT graphile_worker.as_job(to_jsonb(mainspring.add_job(task => identifier, payload => payload::jsonb, queue => queue_name,
    run_at => run_at, max_attempts => max_attempts, key => job_key, priority => priority, flags => flags,
    key_mode => CASE WHEN job_key IS NOT NULL THEN job_key_mode END)) - 'payload')
$$;

CREATE FUNCTION graphile_worker.add_jobs(specs graphile_worker.job_spec[], job_key_preserve_run_at boolean DEFAULT false)
RETURNS SETOF graphile_worker.job
LANGUAGE sql
AS $$
    SELECT graphile_worker.as_job(to_jsonb(j) - 'payload') FROM mainspring.add_jobs((SELECT coalesce(jsonb_agg(jsonb_build_object('task', s.identifier,
            'payload', s.payload::jsonb, 'queue', s.queue_name, 'run_at', s.run_at, 'max_attempts', s.max_attempts, 'key', s.job_key,
            'priority', s.priority, 'flags', s.flags, 'key_mode',
            CASE WHEN s.job_key IS NOT NULL AND job_key_preserve_run_at THEN 'preserve_run_at' END) ORDER BY s.ord), '[]')
        FROM unnest(specs) WITH ORDINALITY
            AS s(identifier, payload, queue_name, run_at, max_attempts, job_key, priority, flags, ord))) AS j
$$;

-- Returns the id of the job that was deleted and its key, and no more of it: a role that may only add jobs reads none.
CREATE FUNCTION graphile_worker.remove_job(job_key text)
RETURNS graphile_worker.job
LANGUAGE sql STRICT
AS $$
    SELECT ROW(r.id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, job_key, NULL, NULL, NULL, NULL)::graphile_worker.job
    FROM mainspring.remove_job(job_key) AS r(id) WHERE r.id IS NOT NULL
$$;

-- The snapshot of the statement is older than what the function in it does, so it shows the jobs as they were.
CREATE FUNCTION graphile_worker.complete_jobs(job_ids bigint[])
RETURNS SETOF graphile_worker.job
LANGUAGE sql
AS $$
    SELECT j.* FROM mainspring.complete_jobs(job_ids) AS c JOIN graphile_worker.jobs AS j ON j.id = c.job_id
    WHERE c.result = 'completed'
$$;

CREATE FUNCTION graphile_worker.permanently_fail_jobs(job_ids bigint[], error_message text DEFAULT NULL)
RETURNS SETOF graphile_worker.job
LANGUAGE plpgsql
AS $$
DECLARE
    failed bigint[] := ARRAY(SELECT f.job_id FROM mainspring.fail_jobs(job_ids, error_message) AS f WHERE f.result = 'failed');
BEGIN
    RETURN QUERY SELECT j.* FROM graphile_worker.jobs AS j WHERE j.id = ANY (failed);
END $$;

CREATE FUNCTION graphile_worker.reschedule_jobs(
    job_ids bigint[], run_at timestamptz DEFAULT NULL, priority integer DEFAULT NULL, attempts integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL)
RETURNS SETOF graphile_worker.job
LANGUAGE plpgsql
AS $$
DECLARE
    changed bigint[] := ARRAY(SELECT r.job_id FROM mainspring.reschedule_jobs(job_ids, reschedule_jobs.run_at, reschedule_jobs.priority,
        reschedule_jobs.attempts, reschedule_jobs.max_attempts) AS r WHERE r.result = 'rescheduled');
BEGIN
    RETURN QUERY SELECT j.* FROM graphile_worker.jobs AS j WHERE j.id = ANY (changed);
END $$;

-- The ids are those of Mainspring's workers, as the column `locked_by` has them.
CREATE FUNCTION graphile_worker.force_unlock_workers(worker_ids text[])
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM mainspring.release_workers(worker_ids::integer[]);
END $$;
