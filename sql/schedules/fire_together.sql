-- Carries out plans of schedules that the caller has locked: fires them, records what is left out, and stores their next fires.
-- A plan is an object of `id`, `next`, `making_up_until`, `missed` and `fires`, an array of objects of `due`, `run_at` and
-- `backfilled`. Fails as a whole.
CREATE OR REPLACE FUNCTION mainspring.fire_together(plans jsonb)
RETURNS SETOF mainspring.fired
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given record;
    fired mainspring.fired[];
BEGIN
    SELECT array_agg(p.id ORDER BY p.ord, f.ord) AS ids, array_agg(f.due ORDER BY p.ord, f.ord) AS dues,
        array_agg(f.run_at ORDER BY p.ord, f.ord) AS run_ats, array_agg(f.backfilled ORDER BY p.ord, f.ord) AS backfills
    INTO given
    FROM (SELECT (e.plan ->> 'id')::bigint AS id, e.plan -> 'fires' AS fires, e.ord
        FROM jsonb_array_elements(plans) WITH ORDINALITY AS e(plan, ord)) AS p
    CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(p.fires) AS (due timestamptz, run_at timestamptz, backfilled boolean))
        WITH ORDINALITY AS f(due, run_at, backfilled, ord);
    IF given.ids IS NOT NULL THEN
        fired := ARRAY(SELECT f FROM mainspring.fire_schedules(given.ids, given.dues, given.run_ats, given.backfills, false)
            AS f);
    END IF;
    INSERT INTO mainspring.schedule_fires (due_at, triggered, owner, schedule, outcome)
    SELECT p.missed, false, s.owner, s.name, 'missed'
    FROM jsonb_to_recordset(plans) AS p(id bigint, missed timestamptz)
    CROSS JOIN LATERAL (SELECT t.owner, t.name FROM mainspring.schedules AS t WHERE t.id = p.id LIMIT 1) AS s
    WHERE p.missed IS NOT NULL;
    PERFORM mainspring.advance_schedules(plans, fired);
    RETURN QUERY SELECT * FROM unnest(fired);
END $$;
