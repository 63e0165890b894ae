-- Returns what new jobs are to wait for, with the ids of the jobs in place of their places. The job of a key that was only found
-- stays as it is, and is left out.
CREATE OR REPLACE FUNCTION mainspring.placed_waits(asked mainspring.waits[], jobs mainspring.new_job[], added bigint[])
RETURNS mainspring.waits[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
BEGIN
    RETURN ARRAY(
        SELECT ROW(added[a.child], a.parent, a.signal, a.on_failure, a.ending)::mainspring.waits FROM unnest(asked) AS a
        WHERE jobs[a.child].key_mode IS DISTINCT FROM 'unsafe_dedupe'
            OR EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = added[a.child] AND j.revision = 0 AND j.created_at = mainspring.now()));
END $$;
