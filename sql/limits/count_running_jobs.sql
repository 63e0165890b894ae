-- Gives a slot of its task's limit to each running job that has none. Such a job was claimed before the limit was set, or by a
-- process that did not know of it yet. The caller holds the limit's row.
CREATE OR REPLACE FUNCTION mainspring.count_running_jobs(task_name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    WITH counted AS (
        INSERT INTO mainspring.task_slots (task, slot, job_id, lease)
        SELECT l.task, l.last_slot + row_number() OVER (), j.id, j.lease
        FROM mainspring.task_limits AS l JOIN mainspring.jobs AS j ON j.task = l.task
        WHERE l.task = task_name AND j.state = 'running' AND (j.id, j.lease) NOT IN (
            SELECT s.job_id, s.lease FROM mainspring.task_slots AS s WHERE s.task = task_name)
        RETURNING slot)
    UPDATE mainspring.task_limits AS l SET counted_at = mainspring.now(),
        last_slot = greatest(l.last_slot, (SELECT max(c.slot) FROM counted AS c))
    WHERE l.task = task_name;
END $$;
