-- Takes the job under `key` back: a waiting one is deleted and its id answered; a running one loses
-- its key and is not retried; an unknown key changes nothing. Answers NULL when nothing was deleted.
CREATE OR REPLACE FUNCTION mainspring.remove_job(key text)
RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    held bigint;
    removed bigint;
BEGIN
    -- Locked first, so that a job that goes back at this moment is not missed as running and as waiting.
    SELECT j.id INTO held FROM mainspring.jobs AS j WHERE j.key = remove_job.key AND j.state <> 'dead' FOR UPDATE;
    DELETE FROM mainspring.jobs AS j WHERE j.id = held AND j.state <> 'running' RETURNING j.id INTO removed;
    IF removed IS NULL THEN
        UPDATE mainspring.jobs AS j SET key = NULL, superseded = true, updated_at = mainspring.now()
        WHERE j.id = held AND j.state = 'running';
    END IF;
    RETURN removed;
END $$;
