-- The jobs that arrays ask for, with their defaults. Not a word in it is volatile, so that it becomes part of the statement that
-- asks.
CREATE OR REPLACE FUNCTION mainspring.job_rows(
    tasks text[], payloads text[], queues text[], run_ats timestamptz[], priorities integer[],
    attempt_limits integer[], keys text[], key_modes text[], flag_sets text[], moment timestamptz)
RETURNS TABLE (ord bigint, task text, payload jsonb, queue text, run_at timestamptz, priority smallint,
    max_attempts smallint, key text, key_mode text, flags text[])
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.ord, s.task, coalesce(s.payload, '{}')::jsonb, s.queue, coalesce(s.run_at, moment),
        coalesce(s.priority, mainspring.default_priority())::smallint,
        coalesce(s.max_attempts, mainspring.default_max_attempts())::smallint, s.key, s.key_mode,
        CASE WHEN s.flags IS NOT NULL THEN mainspring.flags_of(s.flags) END
    FROM unnest(tasks, payloads, queues, run_ats, priorities, attempt_limits, keys, key_modes, flag_sets)
        WITH ORDINALITY AS s(task, payload, queue, run_at, priority, max_attempts, key, key_mode, flags, ord);
END;
