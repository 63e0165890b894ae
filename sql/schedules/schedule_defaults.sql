-- Returns what a schedule has where a field is not given. Without queue, priority or limit of attempts, it has those of its task.
CREATE OR REPLACE FUNCTION mainspring.schedule_defaults()
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_build_object('payload', jsonb_build_object(), 'zone', 'UTC', 'overlap', 'allow', 'catch_up', 1,
    'jitter_seconds', 0, 'paused', false);
