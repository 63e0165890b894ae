-- Returns which transactions hold the row of a job: ten of them at most, the oldest first. The row names them, and each transaction
-- that has changed or locked anything holds its own number in pg_locks. So nothing is locked or waited for to find out.
--
-- What other roles do is hidden where the owner of the schema may not read it (`pg_read_all_stats`).
CREATE OR REPLACE FUNCTION mainspring.explain_lock(job_id bigint)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    most_shown CONSTANT integer := 10;
    named xid[] := ARRAY(SELECT mainspring.row_holders(job_id));
BEGIN
    IF named = '{}' THEN
        RETURN;
    END IF;
    -- A transaction that holds a row has a lock on its table too. One that only has the same number by chance mostly has none.
    RETURN QUERY WITH locks AS MATERIALIZED (SELECT * FROM pg_locks AS l WHERE l.granted),
        -- A transaction and its subtransactions have numbers of their own.
        holders AS (SELECT DISTINCT l.pid, l.virtualtransaction AS virtual FROM locks AS l
            WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid = ANY (named)
                AND EXISTS (SELECT FROM locks AS t
                    WHERE t.virtualtransaction = l.virtualtransaction AND t.relation = 'mainspring.jobs'::regclass))
    SELECT 'locked', CASE WHEN h.pid IS NULL
            THEN format('The prepared transaction `%s` has locked its row. No worker takes it until that one ends.', p.gid)
            ELSE format('The transaction of the session %s has locked its row%s. No worker takes it until that one ends.', h.pid,
                ' for up to ' || ceil(extract(epoch FROM clock_timestamp() - a.xact_start)) || ' s') END,
        NULL::timestamptz, jsonb_strip_nulls(jsonb_build_object('pid', h.pid, 'prepared', p.gid,
            'role', coalesce(a.usename, p.owner), 'application_name', a.application_name, 'state', a.state,
            'since', mainspring.utc_text(coalesce(a.xact_start, p.prepared))))
    FROM holders AS h LEFT JOIN pg_stat_activity AS a ON a.pid = h.pid
    LEFT JOIN pg_prepared_xacts AS p ON h.pid IS NULL AND p.transaction::text = split_part(h.virtual, '/', 2)
    ORDER BY coalesce(a.xact_start, p.prepared), h.pid LIMIT most_shown;
END $$;
