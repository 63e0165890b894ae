-- Returns what the jobs of a call are to wait for: in `inner_waits` other jobs of the call, by their places, and in `outer_waits` jobs that
-- are stored already, and signals. Refuses an unknown name, a circle, and too many.
CREATE OR REPLACE FUNCTION mainspring.member_waits(
    flow jsonb, jobs bigint, flow_id bigint, OUT inner_waits mainspring.waits[], OUT outer_waits mainspring.waits[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    lists jsonb[];
    edges bigint;
    problem text;
BEGIN
    SELECT array_agg(coalesce(o.list, CASE WHEN l.value <> 'null' AND jsonb_typeof(l.value) <> 'array' THEN l.value END) ORDER BY l.ord) INTO lists
    FROM jsonb_array_elements(flow -> 'after') WITH ORDINALITY AS l(value, ord)
    LEFT JOIN (SELECT a.ord, jsonb_agg(a.other) AS list FROM mainspring.asked_waits(flow, jobs) AS a
        WHERE a.other IS NOT NULL GROUP BY a.ord) AS o ON o.ord = l.ord;
    PERFORM mainspring.refuse(mainspring.waits_problems(lists));
    WITH asked AS MATERIALIZED (
        SELECT a.ord, a.parent_name, a.on_failure, coalesce(a.parent_ord, n.ord) AS parent, m.job_id
        FROM mainspring.asked_waits(flow, jobs) AS a
        LEFT JOIN jsonb_array_elements_text(flow -> 'names') WITH ORDINALITY AS n(name, ord) ON n.name = a.parent_name
        LEFT JOIN mainspring.workflow_jobs AS m ON m.workflow_id = flow_id AND m.name = a.parent_name
        WHERE a.other IS NULL)
    SELECT count(*), min(mainspring.placed_problem(format('after must be jobs of the workflow, got %s', quote_literal(a.parent_name)), a.ord, jobs))
            FILTER (WHERE a.parent IS NULL AND a.job_id IS NULL),
        array_agg(DISTINCT ROW(a.ord, a.parent, '', a.on_failure, NULL)::mainspring.waits) FILTER (WHERE a.parent IS NOT NULL),
        array_agg(DISTINCT ROW(a.ord, a.job_id, '', a.on_failure, NULL)::mainspring.waits) FILTER (WHERE a.parent IS NULL)
    INTO edges, problem, inner_waits, outer_waits FROM asked AS a;
    outer_waits := coalesce(outer_waits, '{}') || ARRAY(
        SELECT ROW(w.ord, w.parent, w.signal, w.on_failure, NULL)::mainspring.waits FROM mainspring.wait_rows(lists) AS w);
    edges := edges + coalesce((SELECT sum(jsonb_array_length(l)) FROM unnest(lists) AS l), 0);
    PERFORM mainspring.refuse(CASE WHEN edges > 100000 THEN format('after must be at most 100000 jobs and signals a call, got %s', edges)
        ELSE problem END);
    PERFORM mainspring.refuse(mainspring.circle_problem(inner_waits, flow -> 'names'));
END $$;
