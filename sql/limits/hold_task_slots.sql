-- Records the jobs that a claim has taken of tasks with limits, each named with its task: they hold slots, and have used tokens
-- up. The claim has locked the limits. Always returns true.
CREATE OR REPLACE FUNCTION mainspring.hold_task_slots(claim_lease bigint, tasks text[], ids bigint[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := mainspring.now();
BEGIN
    IF tasks IS NULL THEN
        RETURN true;
    END IF;
    INSERT INTO mainspring.task_slots (task, slot, job_id, lease)
    SELECT l.task, l.last_slot + row_number() OVER (PARTITION BY l.task), u.id, claim_lease
    FROM unnest(tasks, ids) AS u(task, id) JOIN mainspring.task_limits AS l ON l.task = u.task
    WHERE l.concurrency IS NOT NULL;
    UPDATE mainspring.task_limits AS l SET last_slot = l.last_slot + c.jobs,
        first_slot = coalesce((SELECT min(s.slot) FROM mainspring.task_slots AS s
            WHERE s.task = l.task AND s.slot >= l.first_slot), l.last_slot + 1),
        tokens = mainspring.tokens_at(l.rate_limit, l.rate_period, l.tokens, l.tokens_at, moment) - c.jobs,
        tokens_at = CASE WHEN l.rate_limit IS NOT NULL THEN mainspring.tokens_taken_at(l.tokens_at, moment) END
    FROM (SELECT u.task, count(*) AS jobs FROM unnest(tasks) AS u(task) GROUP BY u.task) AS c
    WHERE l.task = c.task;
    RETURN true;
END $$;
