-- Returns whether what a worker publishes of a task takes the place of what is published. A newer version does. The same version
-- does where something differs and the other was published before this process started: the last start wins. An older version does
-- once no living worker has one that is as new as the published one, as after a deploy that was taken back.
CREATE OR REPLACE FUNCTION mainspring.replaces_task(old mainspring.tasks, new mainspring.tasks, uptime interval)
RETURNS boolean
LANGUAGE sql STABLE
RETURN CASE
    WHEN new.version > old.version THEN true
    WHEN new.version = old.version THEN old.published_at <= mainspring.now() - uptime AND (old.queue, old.priority, old.max_attempts, old.accepts, old.redacts)
        IS DISTINCT FROM (new.queue, new.priority, new.max_attempts, new.accepts, coalesce(new.redacts, true))
    ELSE NOT EXISTS (
        SELECT FROM mainspring.workers AS w CROSS JOIN LATERAL unnest(w.tasks, w.versions) AS k(name, version)
        WHERE k.name = old.name AND k.version >= old.version
            AND mainspring.is_alive(w.heartbeat_at, w.timeout))
END;
