-- Returns what is wrong with the payload of a task that accepts these fields, in words for a person and without a value, or NULL.
--
-- `accepts` is what a worker found out about a type with named fields: all of them (`fields`), the first one that a payload must
-- have (`required`), and that it may have no others (`closed`). More is not known without the type.
CREATE OR REPLACE FUNCTION mainspring.payload_misfit(accepts jsonb, payload jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN accepts IS NULL OR jsonb_typeof(payload) <> 'object' THEN NULL
    -- A fire adds it.
    WHEN accepts ->> 'required' <> '_cron' AND NOT payload ? (accepts ->> 'required')
        THEN format('the payload lacks the field `%s`, which the task needs', accepts ->> 'required')
    WHEN (accepts -> 'closed')::boolean THEN (
        SELECT format('the payload has the field `%s`, which the task does not know', left(f, 100))
        FROM jsonb_object_keys(payload) AS f WHERE NOT accepts -> 'fields' ? f AND f <> '_cron' ORDER BY f LIMIT 1)
END;
