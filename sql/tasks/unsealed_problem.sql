-- Returns which job has a plain value where its task has published a sealed one, in words for a person, or NULL. Jobs that are `typed`
-- were sealed by the type of their task. The field `_sealed` stands for a payload that is sealed as a whole. A payload that cannot be
-- stored is judged by others.
CREATE OR REPLACE FUNCTION mainspring.unsealed_problem(jobs mainspring.new_job[], typed boolean[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.placed_problem(format('payload must have the field `%s` sealed, got it plain: the task `%s` can be added only by a '
        'program that has its type, as `Enqueue` does in Rust', f.name, s.task), s.ord, cardinality(jobs))
    FROM unnest(jobs) WITH ORDINALITY AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, version, ord)
    JOIN mainspring.tasks AS t ON t.name = s.task AND t.accepts ? 'sealed'
    CROSS JOIN LATERAL jsonb_array_elements_text(t.accepts -> 'sealed') WITH ORDINALITY AS f(name, place)
    CROSS JOIN LATERAL (SELECT CASE WHEN mainspring.payload_problem(s.payload, mainspring.payload_limit()) IS NULL
        THEN coalesce(s.payload, '{}')::jsonb END AS payload) AS p
    CROSS JOIN LATERAL (SELECT CASE WHEN f.name = '_sealed' THEN p.payload ELSE p.payload -> f.name END AS value) AS v
    WHERE typed[s.ord] IS NOT TRUE AND p.payload IS NOT NULL AND (jsonb_typeof(p.payload) <> 'object'
        OR CASE WHEN jsonb_typeof(v.value) = 'object' THEN jsonb_typeof(v.value -> '_sealed') IS DISTINCT FROM 'object'
            ELSE coalesce(v.value, 'null') <> 'null' END)
    ORDER BY s.ord, f.place LIMIT 1;
$$;
