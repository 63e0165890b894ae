-- Adds one job and answers it as `jobs_view` shows it. Only `task` is needed; NULL means the default.
CREATE OR REPLACE FUNCTION mainspring.add_job(
    task text, payload jsonb DEFAULT '{}', queue text DEFAULT NULL, run_at timestamptz DEFAULT NULL,
    max_attempts integer DEFAULT NULL, key text DEFAULT NULL, priority integer DEFAULT NULL,
    flags text[] DEFAULT NULL, key_mode text DEFAULT NULL)
RETURNS mainspring.jobs_view
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    added bigint;
    answer mainspring.jobs_view;
BEGIN
    SELECT e.job_id INTO added FROM mainspring.enqueue(
        ARRAY[add_job.task], ARRAY[add_job.payload::text], ARRAY[add_job.queue], ARRAY[add_job.run_at],
        ARRAY[add_job.priority], ARRAY[add_job.max_attempts],
        CASE WHEN add_job.key IS NOT NULL THEN ARRAY[add_job.key] END, ARRAY[add_job.key_mode],
        CASE WHEN add_job.flags IS NOT NULL THEN ARRAY[to_jsonb(add_job.flags)::text] END) AS e;
    SELECT v.* INTO answer FROM mainspring.jobs_view AS v WHERE v.id = added;
    RETURN answer;
END $$;
