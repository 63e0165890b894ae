-- Makes jobs that were just stored members of a workflow. Refuses a name that the workflow has, and a job that would have two names.
CREATE OR REPLACE FUNCTION mainspring.add_members(opened mainspring.workflows, names jsonb, added bigint[], inner_waits mainspring.waits[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    problem text;
BEGIN
    SELECT mainspring.placed_problem(CASE WHEN m.name IS NOT NULL
        THEN format('name must be new in the workflow, got %s', quote_literal(n.name))
        ELSE format('key must be that of no other job of the workflow, got that of %s in %s',
            coalesce(quote_literal(o.name), 'another'), quote_literal(n.name)) END, n.ord, cardinality(added))
    INTO problem
    FROM (SELECT e.name, e.ord, added[e.ord] AS id, count(*) OVER (PARTITION BY added[e.ord]) AS same
        FROM jsonb_array_elements_text(names) WITH ORDINALITY AS e(name, ord)) AS n
    LEFT JOIN mainspring.workflow_jobs AS m ON m.workflow_id = opened.id AND m.name = n.name
    LEFT JOIN mainspring.workflow_jobs AS o ON o.workflow_id = opened.id AND o.job_id = n.id
    WHERE n.name IS NOT NULL AND (m.name IS NOT NULL OR o.job_id IS NOT NULL OR n.same > 1)
    ORDER BY n.ord LIMIT 1;
    PERFORM mainspring.refuse(problem);
    INSERT INTO mainspring.workflow_jobs (workflow_id, job_id, name, parents)
    SELECT opened.id, added[n.ord], n.name, coalesce(p.parents, '{}')
    FROM jsonb_array_elements_text(names) WITH ORDINALITY AS n(name, ord)
    LEFT JOIN (SELECT w.child, array_agg(added[w.parent] ORDER BY w.parent) AS parents FROM unnest(inner_waits) AS w GROUP BY w.child) AS p
        ON p.child = n.ord
    ORDER BY n.ord ON CONFLICT (workflow_id, job_id) DO NOTHING;
END $$;
