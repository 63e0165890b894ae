-- Returns the circle among jobs that wait for each other, by their names, as a problem; or NULL. The waits have places of jobs.
--
-- Jobs mostly come after those that they wait for: then there is none.
CREATE OR REPLACE FUNCTION mainspring.circle_problem(waits mainspring.waits[], names jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    circle text[] := '{}';
    next_of bigint[];
    seen bigint[] := '{}';
    place bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM unnest(waits) AS w WHERE w.parent >= w.child) THEN
        RETURN NULL;
    END IF;
    next_of := mainspring.parents_in_circles(waits, jsonb_array_length(names));
    SELECT min(n.ord) INTO place FROM unnest(next_of) WITH ORDINALITY AS n(parent, ord) WHERE n.parent IS NOT NULL;
    IF place IS NULL THEN
        RETURN NULL;
    END IF;
    WHILE seen[place] IS NULL LOOP
        seen[place] := 1;
        place := next_of[place];
    END LOOP;
    WHILE seen[place] = 1 AND cardinality(circle) < 10 LOOP
        seen[place] := 2;
        circle := circle || coalesce(names ->> (place - 1)::integer, format('job %s', place));
        place := next_of[place];
    END LOOP;
    RETURN format('after must make no circle, got %s after %s', array_to_string(circle, ' after '),
        CASE WHEN seen[place] = 2 THEN circle[1] ELSE '..' END);
END $$;
