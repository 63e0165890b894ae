-- Returns which transaction holds the row of a job, if one does. The row names it, and each transaction that has changed or locked
-- anything holds its own number in pg_locks. So nothing is locked or waited for to find out.
--
-- Two sessions that share a row, as with foreign keys, are not found. What other roles do is hidden where the owner of the schema
-- may not read it (`pg_read_all_stats`).
CREATE OR REPLACE FUNCTION mainspring.explain_lock(job_id bigint)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    holder xid := (SELECT j.xmax FROM mainspring.jobs AS j WHERE j.id = job_id);
BEGIN
    IF holder = '0'::xid THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT 'locked', CASE WHEN l.pid IS NULL
            THEN format('The prepared transaction `%s` has locked its row. No worker takes it until that one ends.', p.gid)
            ELSE format('The transaction of the session %s has locked its row%s. No worker takes it until that one ends.', l.pid,
                ' for up to ' || ceil(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s') END,
        NULL::timestamptz, jsonb_strip_nulls(jsonb_build_object('pid', l.pid, 'prepared', p.gid,
            'role', coalesce(a.usename, p.owner), 'application_name', a.application_name, 'state', a.state,
            'since', mainspring.utc_text(coalesce(a.xact_start, p.prepared))))
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    LEFT JOIN pg_prepared_xacts AS p ON l.pid IS NULL AND p.transaction = holder
    WHERE l.locktype = 'transactionid' AND l.transactionid = holder AND l.granted AND l.mode = 'ExclusiveLock';
END $$;
