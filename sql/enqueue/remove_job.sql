-- Removes the job under `key`. Returns its id if it waited and was deleted, else NULL. A running job loses its key and is not
-- retried.
CREATE OR REPLACE FUNCTION mainspring.remove_job(key text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    held bigint;
    removed bigint;
    was_linked boolean;
BEGIN
    -- Locked first, so that a job that goes back at this moment is not missed as running and as waiting.
    SELECT j.id INTO held FROM mainspring.jobs AS j WHERE j.key = remove_job.key AND j.state <> 'dead' FOR UPDATE;
    DELETE FROM mainspring.jobs AS j WHERE j.id = held AND j.state <> 'running'
        RETURNING j.id, j.linked INTO removed, was_linked;
    IF was_linked THEN
        PERFORM mainspring.tell_ended(removed, 'deleted');
    END IF;
    IF removed IS NULL THEN
        UPDATE mainspring.jobs AS j SET key = NULL, superseded = true, updated_at = mainspring.now()
        WHERE j.id = held AND j.state = 'running';
    END IF;
    RETURN removed;
END $$;
