-- Raises a warning if the jobs of a schedule will not succeed: no living worker knows the task (MS404), or it does not accept the
-- payload (MS422).
CREATE OR REPLACE FUNCTION mainspring.warn_of_schedule(schedule mainspring.schedules)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    misfit text := (SELECT mainspring.payload_misfit(t.accepts, schedule.payload) FROM mainspring.tasks AS t
        WHERE t.name = schedule.task);
BEGIN
    PERFORM mainspring.warn_of_unknown_tasks(ARRAY[schedule.task]);
    IF misfit IS NOT NULL THEN
        RAISE WARNING USING ERRCODE = 'MS422', MESSAGE = format('schedule %s: %s', quote_literal(schedule.name), misfit);
    END IF;
END $$;
