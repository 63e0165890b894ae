-- Returns the jobs that hold slots as a JSON array, each with its state, its worker and since when. It has the first ten.
CREATE OR REPLACE FUNCTION mainspring.slot_holders(ids bigint[])
RETURNS jsonb
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', j.id, 'state', j.state, 'worker_id', j.worker_id, 'worker', w.name,
        'since', mainspring.utc_text(coalesce(j.locked_at, j.updated_at))) ORDER BY u.place), '[]')
    FROM unnest(ids[1:10]) WITH ORDINALITY AS u(id, place)
    JOIN mainspring.jobs AS j ON j.id = u.id LEFT JOIN mainspring.workers AS w ON w.id = j.worker_id;
$$;
