-- Shows what workers have published of their tasks to roles that may read, and how many living workers know each. A NULL option
-- means the default of the database.
CREATE OR REPLACE VIEW mainspring.tasks_view AS
SELECT t.name, t.version, t.queue, t.priority, t.max_attempts, t.accepts, t.published_at, t.published_by,
    (SELECT count(*) FROM mainspring.workers AS w WHERE t.name = ANY (w.tasks)
        AND mainspring.is_alive(w.heartbeat_at, w.timeout)) AS workers, t.redacts
FROM mainspring.tasks AS t;
