-- Returns the list of what a job waits for, as `waits_problem` describes it, from the arguments of `add_job`.
CREATE OR REPLACE FUNCTION mainspring.waits_json(after bigint[], signals text[], on_failure text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(CASE
        WHEN on_failure NOT IN ('hold', 'cancel', 'run') THEN format('on_failure must be hold, cancel or run, got %s',
            quote_literal(left(on_failure, 40)))
        WHEN on_failure IS NOT NULL AND after IS NULL THEN 'on_failure must come with after, got none' END);
    RETURN coalesce((SELECT jsonb_agg(CASE WHEN coalesce(on_failure, 'hold') = 'hold' THEN to_jsonb(a)
                ELSE jsonb_build_object('job', a, 'on_failure', on_failure) END)
            FROM unnest(after) AS a), '[]')
        || coalesce((SELECT jsonb_agg(jsonb_build_object('signal', s)) FROM unnest(signals) AS s), '[]');
END $$;
