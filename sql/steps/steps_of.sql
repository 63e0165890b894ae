-- Returns the steps of a running job in their order, each with the hash of the job's payload. A job without steps has one row, whose
-- other columns are NULL. No row means that the lease is no longer held.
--
-- A job that was replaced under its key has another payload, and so other work: the steps of the payload before are deleted.
CREATE OR REPLACE FUNCTION mainspring.steps_of(attempt_id bigint, attempt_lease bigint)
RETURNS TABLE (hash bigint, step_position integer, step_name text, step_value bytea)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    -- As partitions by hash are found: it stays the same in later versions of the server.
    now_hash bigint;
BEGIN
    SELECT coalesce(jsonb_hash_extended(j.payload, 0), 0) INTO now_hash
    FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM mainspring.steps AS s WHERE s.job_id = attempt_id AND s.payload_hash <> now_hash) THEN
        -- If another attempt has the job by now, they may be its own.
        PERFORM FROM mainspring.jobs AS j WHERE j.id = attempt_id AND j.lease = attempt_lease FOR NO KEY UPDATE;
        IF NOT FOUND THEN
            RETURN;
        END IF;
        DELETE FROM mainspring.steps AS s WHERE s.job_id = attempt_id AND s.payload_hash <> now_hash;
    END IF;
    RETURN QUERY
    SELECT now_hash, s.position, s.name, s.value
    FROM (SELECT attempt_id AS id) AS job LEFT JOIN mainspring.steps AS s ON s.job_id = job.id ORDER BY s.position;
END $$;
