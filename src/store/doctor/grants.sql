-- Shows roles whose grant lacks something that the grant gives in this release. Which grants a role has follows from one object
-- of each. The functions that a grant gives are those that the body of its function names.
WITH holder AS (
    SELECT DISTINCT a.grantee, k.kind
    FROM (VALUES ('enqueue', 'add_job'), ('schedules', 'create_schedule'), ('admin', 'cancel_jobs'), ('read', 'explain_job'))
        AS k(kind, marker)
    JOIN pg_proc AS p ON p.proname = k.marker AND p.pronamespace = 'mainspring'::regnamespace
    CROSS JOIN LATERAL aclexplode(p.proacl) AS a
    WHERE a.grantee NOT IN (0, p.proowner)
    UNION
    SELECT a.grantee, 'worker' FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relname = 'jobs' AND a.privilege_type = 'INSERT'
        AND a.grantee NOT IN (0, c.relowner)
), own AS (
    SELECT p.oid, p.proname::text AS name, p.prosrc FROM pg_proc AS p WHERE p.pronamespace = 'mainspring'::regnamespace
        AND p.prokind = 'f'
), lacking AS (
    SELECT h.grantee, h.kind, o.name FROM holder AS h JOIN own AS g ON g.name = 'grant_' || h.kind
    CROSS JOIN LATERAL regexp_matches(g.prosrc, '\.([a-z_]+)', 'g') AS m(names)
    JOIN own AS o ON o.name = m.names[1]
    WHERE h.kind <> 'worker' AND o.name !~ '^(grant|revoke)_' AND NOT has_function_privilege(h.grantee, o.oid, 'EXECUTE')
        AND NOT EXISTS (SELECT FROM holder AS w WHERE w.grantee = h.grantee AND w.kind = 'worker')
    UNION
    SELECT h.grantee, h.kind, o.name FROM holder AS h CROSS JOIN own AS o
    WHERE h.kind = 'worker' AND o.name !~ '^(grant|revoke)_' AND NOT has_function_privilege(h.grantee, o.oid, 'EXECUTE')
    UNION
    SELECT h.grantee, h.kind, c.relname FROM holder AS h CROSS JOIN pg_class AS c
    WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
        AND CASE h.kind
            WHEN 'worker' THEN NOT has_table_privilege(h.grantee, c.oid, 'SELECT')
                OR c.relname NOT IN ('__diesel_schema_migrations', 'definitions', 'installed')
                    AND NOT (has_table_privilege(h.grantee, c.oid, 'INSERT') AND has_table_privilege(h.grantee, c.oid, 'UPDATE')
                        AND has_table_privilege(h.grantee, c.oid, 'DELETE'))
            WHEN 'read' THEN EXISTS (SELECT FROM pg_attribute AS f WHERE f.attrelid = c.oid AND f.attnum > 0
                AND NOT f.attisdropped AND f.attname NOT IN ('payload', 'properties')
                AND NOT (c.relname IN ('steps', 'results') AND f.attname IN ('value', 'payload_hash'))
                AND NOT has_column_privilege(h.grantee, c.oid, f.attnum, 'SELECT'))
            ELSE false END
)
SELECT format('the role %s has the grant `%s` without %s%s', pg_get_userbyid(l.grantee), l.kind,
        array_to_string((array_agg(l.name ORDER BY l.name))[1:5], ', '),
        CASE WHEN count(*) > 5 THEN format(' and %s more', count(*) - 5) END),
    ARRAY[format('SELECT %s(%L)', g.oid::regproc, pg_get_userbyid(l.grantee))]
FROM lacking AS l JOIN own AS g ON g.name = 'grant_' || l.kind
GROUP BY l.grantee, l.kind, g.oid
ORDER BY 1 LIMIT 20
