-- Changes the time, priority and attempts of jobs, where NULL leaves a field as it is. A dead job lives again. Returns a result
-- for each id, in the order of the input. Deaths count from 0 again.
--
-- - `rescheduled`: the job was changed.
-- - `running`: the job is left alone.
-- - `key_taken`: the job is dead, and a living job has its key.
-- - `no_attempt_left`: it has used all its attempts. Give fewer `attempts` or more `max_attempts`.
-- - `refused`: the database does not let the row be changed. A warning holds the reason.
-- - `finished`: it has succeeded or was cancelled, as the history says.
-- - `unknown`: there is no such job.
CREATE OR REPLACE FUNCTION mainspring.reschedule_jobs(
    ids bigint[], run_at timestamptz DEFAULT NULL, priority integer DEFAULT NULL, attempts integer DEFAULT NULL,
    max_attempts integer DEFAULT NULL)
RETURNS TABLE (job_id bigint, result text)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    problem text := mainspring.validate_job('-', NULL, run_at, priority, max_attempts);
    before mainspring.jobs[] := ARRAY(SELECT b FROM mainspring.lock_jobs(ids) AS b);
    moved record;
    finished bigint[] := mainspring.finished_jobs(ids, before);
BEGIN
    IF attempts NOT BETWEEN 0 AND 32766 THEN
        problem := format('attempts must be 0 to 32766, got %s', attempts);
    END IF;
    PERFORM mainspring.refuse(problem);
    -- Keys are taken in their order, as in enqueueing.
    SELECT e.* INTO moved FROM mainspring.reschedule_each(ARRAY(
        SELECT mainspring.new_event(b.id, 'reschedule', run_at => reschedule_jobs.run_at, priority => reschedule_jobs.priority,
            attempts => reschedule_jobs.attempts, max_attempts => reschedule_jobs.max_attempts)
        FROM unnest(before) AS b
        WHERE b.state <> 'running'
            AND coalesce(reschedule_jobs.attempts, b.attempts) < coalesce(reschedule_jobs.max_attempts, b.max_attempts)
        ORDER BY b.key NULLS FIRST, b.id)) AS e;
    PERFORM mainspring.notify_after(before, moved.changed);
    RETURN QUERY
    SELECT i.id, CASE WHEN i.id = ANY (finished) THEN 'finished' WHEN b.id IS NULL THEN 'unknown' WHEN b.state = 'running' THEN 'running'
        WHEN b.id = ANY (moved.changed) THEN 'rescheduled' WHEN b.id = ANY (moved.taken) THEN 'key_taken'
        WHEN b.id = ANY (moved.refused) THEN 'refused' ELSE 'no_attempt_left' END
    FROM unnest(ids) WITH ORDINALITY AS i(id, ord) LEFT JOIN unnest(before) AS b ON b.id = i.id ORDER BY i.ord;
END $$;
