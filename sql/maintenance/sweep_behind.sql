-- Carries out `change` as `sweep` does, for rows whose key is behind `after_id`: it looks at ten times as many as it changes. Returns in
-- `last_id` behind which key to look on, or NULL at the end.
--
-- `source` is a table with its alias, `key` its column of keys, and `condition` what the rows to change meet.
CREATE OR REPLACE FUNCTION mainspring.sweep_behind(source text, key text, condition text, change text, after_id bigint, most bigint,
    OUT done bigint, OUT stuck bigint, OUT problem text, OUT last_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    looked_at bigint;
BEGIN
    EXECUTE format('SELECT count(*), max(p.key) FROM (SELECT %1$s AS key FROM %2$s WHERE %1$s > $1 ORDER BY %1$s LIMIT $2) AS p',
        key, source) INTO looked_at, last_id USING after_id, most * 10;
    SELECT s.* INTO done, stuck, problem FROM mainspring.sweep(
        format('SELECT %1$s::text FROM %2$s WHERE %1$s > %3$L::bigint AND %1$s <= %4$L::bigint AND %5$s ORDER BY %1$s',
            key, source, after_id, coalesce(last_id, after_id), condition), change, most) AS s;
    IF done >= most THEN
        last_id := after_id;
    ELSIF looked_at < most * 10 THEN
        last_id := NULL;
    END IF;
END $$;
