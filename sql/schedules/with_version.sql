-- Returns the changes to a schedule of this task with the version of their payload: if they have a new task or payload and no version,
-- it is the one that the task has published.
CREATE OR REPLACE FUNCTION mainspring.with_version(changes jsonb, task text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN changes ?| '{task,payload}' AND NOT changes ? 'version' THEN
    changes || jsonb_build_object('version', (SELECT t.version FROM mainspring.tasks AS t
        WHERE t.name = coalesce(changes ->> 'task', with_version.task)))
    ELSE changes END;
