-- Locks the limits of the tasks that a claim is about to take jobs of, and returns how many it may take of each; see
-- `enter_task_gate`. A task without a limit is left out. `priorities` and `turns` are where the claim begins to read each task.
CREATE OR REPLACE FUNCTION mainspring.enter_task_gates(
    tasks text[], priorities smallint[], turns timestamptz[], with_flags boolean, wanted bigint)
RETURNS SETOF mainspring.task_gate
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked record;
    gate mainspring.task_gate;
BEGIN
    FOR asked IN SELECT u.task, u.priority, u.turn FROM unnest(tasks, priorities, turns) AS u(task, priority, turn) LOOP
        gate := mainspring.enter_task_gate(asked.task, asked.priority, asked.turn, with_flags, wanted);
        IF gate.task IS NOT NULL THEN
            RETURN NEXT gate;
        END IF;
    END LOOP;
END $$;
