-- Returns those of the tasks whose payloads have no redacted values, each once, as their workers have published. Of any other task
-- nothing is known, so only its type may show a payload of it.
CREATE OR REPLACE FUNCTION mainspring.unredacted_tasks(tasks text[])
RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN ARRAY(SELECT t.name FROM mainspring.tasks AS t WHERE t.name = ANY (tasks) AND NOT t.redacts ORDER BY t.name);
