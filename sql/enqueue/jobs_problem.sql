-- Returns what is wrong with the first bad job of `enqueue`, or NULL. Of several jobs it names the place, counted from 1.
CREATE OR REPLACE FUNCTION mainspring.jobs_problem(
    tasks text[], payloads text[], queues text[], priorities integer[], attempt_limits integer[], keys text[],
    key_modes text[], flag_sets text[])
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text;
BEGIN
    SELECT CASE WHEN cardinality(tasks) > 1 THEN format('job %s of %s: ', s.ord, cardinality(tasks)) ELSE '' END || p.problem
    INTO found
    FROM unnest(tasks, payloads, queues, priorities, attempt_limits, keys, key_modes, flag_sets)
        WITH ORDINALITY AS s(task, payload, queue, priority, max_attempts, key, key_mode, flags, ord)
    CROSS JOIN LATERAL (SELECT coalesce(mainspring.validate_job(
        s.task, s.payload, s.queue, s.priority, s.max_attempts, s.key, s.key_mode),
        CASE WHEN s.flags IS NOT NULL THEN mainspring.flags_problem(s.flags) END) AS problem) AS p
    WHERE p.problem IS NOT NULL
    ORDER BY s.ord LIMIT 1;
    RETURN found;
END $$;
