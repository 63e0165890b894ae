-- Publishes the tasks of a worker: `published` is an array of objects with the columns name, version, queue, priority, max_attempts,
-- accepts and redacts of mainspring.tasks. `uptime`: how long ago the worker's process started, 0 at its start. Returns how many
-- rows it wrote. A row changes only where something differs, see `replaces_task`, so workers that start at the same time do not wait for each other.
CREATE OR REPLACE FUNCTION mainspring.publish_tasks(worker_name text, published jsonb, uptime interval)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET lock_timeout = '1s'
AS $$
DECLARE
    written bigint;
BEGIN
    INSERT INTO mainspring.tasks AS old (name, version, newest, queue, priority, max_attempts, accepts, redacts, published_by)
    SELECT p.name, p.version, p.version, p.queue, p.priority, p.max_attempts, p.accepts, coalesce(p.redacts, true), worker_name
    FROM jsonb_populate_recordset(NULL::mainspring.tasks, published) AS p
    WHERE NOT EXISTS (SELECT FROM mainspring.tasks AS t WHERE t.name = p.name AND NOT mainspring.replaces_task(t, p, uptime))
    -- In the order of the names: two workers that start at once wait for each other in one direction.
    ORDER BY p.name
    ON CONFLICT (name) DO UPDATE
    SET version = excluded.version, newest = greatest(old.newest, excluded.version), queue = excluded.queue, priority = excluded.priority,
        max_attempts = excluded.max_attempts, accepts = excluded.accepts, redacts = excluded.redacts, published_by = excluded.published_by,
        published_at = mainspring.now(), known_at = mainspring.now()
    WHERE mainspring.replaces_task(old, excluded, uptime);
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $$;
