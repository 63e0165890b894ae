-- Returns the workers whose time-out is not over.
CREATE OR REPLACE FUNCTION mainspring.living_workers()
RETURNS SETOF mainspring.workers
LANGUAGE sql STABLE
AS $$
    SELECT w.* FROM mainspring.workers AS w WHERE mainspring.is_alive(w.heartbeat_at, w.timeout);
$$;
