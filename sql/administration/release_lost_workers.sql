-- Releases all workers whose time-out is over. A running scheduler does this by itself.
CREATE OR REPLACE FUNCTION mainspring.release_lost_workers()
RETURNS TABLE (worker_id integer, result text, jobs bigint)
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.worker_id, r.result, r.jobs FROM mainspring.release_workers(ARRAY(
        SELECT w.id FROM mainspring.workers AS w WHERE NOT mainspring.is_alive(w.heartbeat_at, w.timeout)
        ORDER BY w.id FOR UPDATE SKIP LOCKED)) AS r;
$$;
