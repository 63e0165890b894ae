-- Creates a schedule, and returns its id. Only the first three arguments are needed; NULL means the default.
CREATE OR REPLACE FUNCTION mainspring.create_schedule(
    name text, task text, expression text, payload jsonb DEFAULT '{}', zone text DEFAULT NULL,
    queue text DEFAULT NULL, priority integer DEFAULT NULL, max_attempts integer DEFAULT NULL,
    key text DEFAULT NULL, overlap text DEFAULT NULL, catch_up integer DEFAULT NULL,
    starts_at timestamptz DEFAULT NULL, ends_at timestamptz DEFAULT NULL,
    jitter_seconds integer DEFAULT NULL, paused boolean DEFAULT NULL)
RETURNS bigint
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
RETURN mainspring.write_schedule(name, jsonb_build_object('task', task, 'expression', expression, 'payload', payload,
    'zone', zone, 'queue', queue, 'priority', priority, 'max_attempts', max_attempts, 'key', key,
    'overlap', overlap, 'catch_up', catch_up, 'starts_at', starts_at, 'ends_at', ends_at,
    'jitter_seconds', jitter_seconds, 'paused', paused), true);
