-- Stores the next fire of marked schedules, or why there is none. Fails as a whole.
CREATE OR REPLACE FUNCTION mainspring.store_plans_together(ids bigint[], nexts timestamptz[], faults text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    -- The ids twice, so that the planner looks up each row and does not read them all.
    UPDATE mainspring.schedules AS s
    SET plan_after = NULL, next_fire_at = p.next, error = left(p.fault, 1000), making_up_until = NULL
    FROM unnest(ids, nexts, faults) AS p(id, next, fault)
    WHERE s.id = p.id AND s.id = ANY (ids);
END $$;
