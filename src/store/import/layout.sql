-- Returns why the schema is none that Graphile Worker 0.16 to 0.18 has made, or whose rows the role cannot see; NULL: all is well.
WITH needed(table_name, column_name, type) AS (VALUES
    ('_private_jobs', 'id', 'bigint'), ('_private_jobs', 'job_queue_id', 'integer'), ('_private_jobs', 'task_id', 'integer'),
    ('_private_jobs', 'payload', 'json'), ('_private_jobs', 'priority', 'smallint'),
    ('_private_jobs', 'run_at', 'timestamp with time zone'), ('_private_jobs', 'attempts', 'smallint'),
    ('_private_jobs', 'max_attempts', 'smallint'), ('_private_jobs', 'last_error', 'text'),
    ('_private_jobs', 'created_at', 'timestamp with time zone'), ('_private_jobs', 'key', 'text'),
    ('_private_jobs', 'locked_at', 'timestamp with time zone'), ('_private_jobs', 'locked_by', 'text'),
    ('_private_jobs', 'revision', 'integer'), ('_private_jobs', 'flags', 'jsonb'),
    ('_private_job_queues', 'id', 'integer'), ('_private_job_queues', 'queue_name', 'text'),
    ('_private_job_queues', 'locked_at', 'timestamp with time zone'), ('_private_job_queues', 'locked_by', 'text'),
    ('_private_tasks', 'id', 'integer'), ('_private_tasks', 'identifier', 'text'),
    ('_private_known_crontabs', 'identifier', 'text'), ('_private_known_crontabs', 'known_since', 'timestamp with time zone'),
    ('_private_known_crontabs', 'last_execution', 'timestamp with time zone'),
    ('migrations', 'id', 'integer'), ('migrations', 'breaking', 'boolean')
), tables AS (
    SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = {} AND c.relkind = 'r'
)
SELECT (SELECT format('no column %s.%s of the type %s', w.table_name, w.column_name, w.type)
    FROM needed AS w LEFT JOIN tables AS t ON t.relname = w.table_name
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = w.column_name AND NOT a.attisdropped
        AND format_type(a.atttypid, NULL) = w.type
    WHERE a.attname IS NULL ORDER BY w.table_name, w.column_name LIMIT 1) AS missing,
    EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = {}) AS is_there,
    (SELECT min(t.relname::text) FROM tables AS t WHERE t.relname IN (SELECT w.table_name FROM needed AS w)
        AND has_table_privilege(t.oid, 'SELECT') AND row_security_active(t.oid)) AS hidden
