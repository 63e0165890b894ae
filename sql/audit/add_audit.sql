-- Adds a line to the audit log, and returns its id: who has done what to which subject, why, and with what result. The caller's
-- transaction has the act too, so both are stored or none.
--
-- `filter` and `jobs` are of acts on many jobs: which jobs those are, in words, and how many.
CREATE OR REPLACE FUNCTION mainspring.add_audit(
    who text, act text, kind text, subject text, result text, reason text DEFAULT NULL, filter text DEFAULT NULL,
    jobs bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM mainspring.refuse((
        SELECT format('%s must be %s to %s characters, got %s', f.field, f.least, f.most, coalesce(char_length(f.value), 0))
        FROM (VALUES ('who', who, 1, 256), ('act', act, 1, 64), ('kind', kind, 1, 32), ('subject', subject, 1, 256),
            ('result', result, 1, 1000), ('reason', reason, 0, 1000), ('filter', filter, 0, 2000)) AS f(field, value, least, most)
        WHERE coalesce(char_length(f.value), 0) NOT BETWEEN f.least AND f.most LIMIT 1));
    INSERT INTO mainspring.audit (who, act, kind, subject, filter, jobs, reason, result)
    VALUES (add_audit.who, add_audit.act, add_audit.kind, add_audit.subject, nullif(add_audit.filter, ''), add_audit.jobs,
        nullif(add_audit.reason, ''), add_audit.result)
    RETURNING id INTO added;
    RETURN added;
END $$;
