-- Returns for each job, by its place, a parent that is in a circle or behind one; NULL: the job is not. It removes the jobs that wait
-- for no other, again and again, and looks at each wait once.
CREATE OR REPLACE FUNCTION mainspring.parents_in_circles(waits mainspring.waits[], jobs bigint)
RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    children bigint[];
    first_at bigint[];
    open_parents bigint[];
    free bigint[];
    done bigint := 0;
    job bigint;
BEGIN
    children := ARRAY(SELECT w.child FROM unnest(waits) AS w ORDER BY w.parent, w.child);
    first_at := ARRAY(SELECT 1 + coalesce(sum(c.waiting) OVER (ORDER BY p.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
        FROM generate_series(1, jobs + 1) AS p(place)
        LEFT JOIN (SELECT w.parent, count(*) AS waiting FROM unnest(waits) AS w GROUP BY w.parent) AS c ON c.parent = p.place ORDER BY p.place);
    open_parents := ARRAY(SELECT coalesce(c.parents, 0) FROM generate_series(1, jobs) AS p(place)
        LEFT JOIN (SELECT w.child, count(*) AS parents FROM unnest(waits) AS w GROUP BY w.child) AS c ON c.child = p.place ORDER BY p.place);
    free := ARRAY(SELECT p.place FROM generate_series(1, jobs) AS p(place) WHERE open_parents[p.place] = 0);
    WHILE done < cardinality(free) LOOP
        done := done + 1;
        job := free[done];
        FOR edge IN first_at[job] .. first_at[job + 1] - 1 LOOP
            open_parents[children[edge]] := open_parents[children[edge]] - 1;
            IF open_parents[children[edge]] = 0 THEN
                free := free || children[edge];
            END IF;
        END LOOP;
    END LOOP;
    RETURN ARRAY(SELECT CASE WHEN open_parents[p.place] > 0 THEN c.parent END FROM generate_series(1, jobs) AS p(place)
        LEFT JOIN (SELECT w.child, min(w.parent) AS parent FROM unnest(waits) AS w
            WHERE open_parents[w.parent] > 0 GROUP BY w.child) AS c ON c.child = p.place ORDER BY p.place);
END $$;
