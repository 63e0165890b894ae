-- Returns what jobs wait for, a row each, with the place of the job among them. A thing that is named twice counts once, as it was
-- named last.
CREATE OR REPLACE FUNCTION mainspring.wait_rows(waits jsonb[])
RETURNS TABLE (ord bigint, parent bigint, signal text, on_failure text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT DISTINCT ON (r.ord, r.parent, r.signal) r.ord, r.parent, r.signal, r.on_failure
    FROM (
        SELECT l.ord, e.nth, coalesce(CASE WHEN jsonb_typeof(e.value) = 'number' THEN e.value::numeric
                ELSE (e.value -> 'job')::numeric END, 0)::bigint AS parent,
            coalesce(e.value ->> 'signal', '') AS signal, coalesce(e.value ->> 'on_failure', 'hold') AS on_failure
        FROM unnest(waits) WITH ORDINALITY AS l(list, ord)
        CROSS JOIN LATERAL jsonb_array_elements(coalesce(l.list, '[]')) WITH ORDINALITY AS e(value, nth)
    ) AS r ORDER BY r.ord, r.parent, r.signal, r.nth DESC;
$$;
