-- Returns which job has a plain value where its task has published a sealed one, in words for a person, or NULL. Jobs that are `typed`
-- were sealed by the type of their task. The field `_sealed` stands for a payload that is sealed as a whole.
CREATE OR REPLACE FUNCTION mainspring.unsealed_problem(jobs mainspring.new_job[], typed boolean[])
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.placed_problem(format('payload must have the field `%s` sealed, got it plain: the task `%s` can be added only by a '
        'program that has its type, as `Enqueue` does in Rust', f.name, s.task), s.ord, cardinality(jobs))
    FROM unnest(jobs) WITH ORDINALITY AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, trace_context, ord)
    JOIN mainspring.tasks AS t ON t.name = s.task AND t.accepts ? 'sealed'
    CROSS JOIN LATERAL jsonb_array_elements_text(t.accepts -> 'sealed') WITH ORDINALITY AS f(name, place)
    CROSS JOIN LATERAL (SELECT coalesce(s.payload, '{}')::jsonb AS payload) AS p
    WHERE typed[s.ord] IS NOT TRUE AND CASE WHEN f.name = '_sealed' THEN NOT p.payload ? f.name
        ELSE coalesce(p.payload -> f.name, 'null') <> 'null' AND NOT (p.payload -> f.name) ? '_sealed' END
    ORDER BY s.ord, f.place LIMIT 1;
$$;
