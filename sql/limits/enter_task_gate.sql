-- Locks the limit of a task for a claim, and returns how many jobs the claim may take of it, at most `wanted`. Never waits for
-- the row. `status` is
--
-- - `open`: the limit is locked. If the room is less than wanted because of the rate, `token_in` says after how many milliseconds
--   the token comes that is behind those which suffice now;
-- - `idle`: no job of the task is ready from this position on, so that nothing is locked;
-- - `locked`: another session holds the limit. The caller tries again shortly.
--
-- It is a statement of its own, so that it counts what others have committed before the lock was free.
CREATE OR REPLACE FUNCTION mainspring.enter_task_gate(
    task_name text, from_priority smallint, from_turn timestamptz, with_flags boolean, wanted bigint,
    OUT result mainspring.task_gate)
LANGUAGE plpgsql
AS $$
DECLARE
    limits mainspring.task_limits;
    moment timestamptz := mainspring.now();
BEGIN
    IF NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.task = task_name AND j.state = 'ready' AND j.flags IS NULL
            AND (j.priority, coalesce(j.turn_at, j.run_at)) >= (from_priority, coalesce(from_turn, '-infinity')))
        AND NOT (with_flags AND EXISTS (SELECT FROM mainspring.jobs AS j
            WHERE j.task = task_name AND j.state = 'ready' AND j.flags IS NOT NULL)) THEN
        result := ROW(task_name, 'idle', 0, NULL);
        RETURN;
    END IF;
    SELECT l.* INTO limits FROM mainspring.task_limits AS l WHERE l.task = task_name FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        -- By then every process knows of a limit that was set, and claims no job without a slot.
        IF limits.concurrency IS NOT NULL
            AND limits.counted_at < least(moment - interval '1 second', limits.updated_at + interval '20 seconds') THEN
            PERFORM mainspring.count_running_jobs(task_name);
        END IF;
        result := mainspring.task_room(limits, wanted, moment);
    ELSIF EXISTS (SELECT FROM mainspring.task_limits AS l WHERE l.task = task_name) THEN
        result := ROW(task_name, 'locked', 0, NULL);
    END IF;
END $$;
