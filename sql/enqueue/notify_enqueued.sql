-- Wakes the workers for jobs that `enqueue` has added. `oldest` is the earliest `run_at` of those that have keys: such a
-- job may keep its time, and then waits where it waited before.
CREATE OR REPLACE FUNCTION mainspring.notify_enqueued(
    tasks text[], queues text[], run_ats timestamptz[], priorities integer[], has_flags boolean, oldest timestamptz)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := mainspring.now();
    least_priority integer;
    soon boolean;
BEGIN
    -- Jobs behind the end of a short array have no queue.
    IF cardinality(queues) < cardinality(tasks) THEN
        queues := queues || NULL::text;
    END IF;
    IF priorities IS NULL AND run_ats IS NULL AND cardinality(tasks) > 0 THEN
        PERFORM mainspring.wake(0, least(oldest, moment), queues, false, has_flags);
    ELSIF cardinality(tasks) > 0 THEN
        SELECT min(coalesce(s.priority, mainspring.default_priority())), least(oldest, min(coalesce(s.run_at, moment))),
            coalesce(bool_or(s.run_at > moment AND s.run_at < moment + interval '20 seconds'), false)
        INTO least_priority, oldest, soon
        FROM unnest(tasks, priorities, run_ats) AS s(task, priority, run_at);
        IF soon OR oldest <= moment THEN
            PERFORM mainspring.wake(least_priority, oldest, queues, soon, has_flags);
        END IF;
    END IF;
END $$;
