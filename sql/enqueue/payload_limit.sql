-- Returns how many bytes the text of a payload may have: the setting mainspring.max_payload_bytes of the database, or of all
-- databases of the server, by default 1 MiB. What a session or a role sets for itself does not count. At least 1 kB.
CREATE OR REPLACE FUNCTION mainspring.payload_limit()
RETURNS bigint
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    RETURN greatest(1000, coalesce((
        SELECT CASE WHEN c.value ~ '^[0-9]{1,18}$' THEN c.value::bigint END
        FROM pg_db_role_setting AS s CROSS JOIN unnest(s.setconfig) AS u(line)
        CROSS JOIN LATERAL (SELECT substr(u.line, 30) AS value) AS c
        WHERE s.setrole = 0 AND s.setdatabase IN (0, (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))
            AND starts_with(u.line, 'mainspring.max_payload_bytes=')
        ORDER BY s.setdatabase DESC LIMIT 1), 1048576));
END $$;
