-- Returns the numbers of the transactions that the row of a job names as its holders. They may have ended.
--
-- Where several share the row, as foreign keys do, the row has the number of a list of them. The row does not show whether its
-- number is that of a transaction or that of a list, so both are returned.
CREATE OR REPLACE FUNCTION mainspring.row_holders(job_id bigint)
RETURNS SETOF xid
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    holder xid := (SELECT j.xmax FROM mainspring.jobs AS j WHERE j.id = job_id);
BEGIN
    IF holder IS NULL OR holder = '0'::xid THEN
        RETURN;
    END IF;
    RETURN NEXT holder;
    -- Reading a list that was never made, or is removed already, would fail.
    IF mxid_age(holder) BETWEEN 1 AND (SELECT mxid_age(d.datminmxid) FROM pg_database AS d WHERE d.datname = current_database()) THEN
        RETURN QUERY SELECT m.xid FROM pg_get_multixact_members(holder) AS m;
    END IF;
END $$;
