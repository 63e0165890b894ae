-- Returns the circle among these jobs and all for which they wait, by way of others, as a problem; or NULL. It looks at each wait once.
CREATE OR REPLACE FUNCTION mainspring.late_circle(ids bigint[])
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    above CONSTANT mainspring.waits[] := mainspring.waits_above(ids);
    placed mainspring.waits[];
BEGIN
    placed := ARRAY(
        SELECT ROW(max(e.place) FILTER (WHERE e.role = 'child'), max(e.place) FILTER (WHERE e.role = 'parent'), '', 'hold', NULL)::mainspring.waits
        FROM (
            SELECT w.ord, r.role, dense_rank() OVER (ORDER BY r.id) AS place
            FROM unnest(above) WITH ORDINALITY AS w(child, parent, signal, on_failure, ending, ord)
            CROSS JOIN LATERAL (VALUES ('child', w.child), ('parent', w.parent)) AS r(role, id)
        ) AS e GROUP BY e.ord);
    RETURN mainspring.circle_problem(placed, to_jsonb(ARRAY(SELECT format('job %s', n.id)
        FROM (SELECT w.child AS id FROM unnest(above) AS w UNION SELECT w.parent FROM unnest(above) AS w) AS n ORDER BY n.id)));
END $$;
