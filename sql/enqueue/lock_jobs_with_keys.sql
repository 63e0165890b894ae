-- Locks the living jobs with these keys in the order of their ids.
--
-- Two reads, one by the index of keys and one by that of ids: one read that sorts would pass all jobs by their ids in a
-- session that has sorts switched off.
CREATE OR REPLACE FUNCTION mainspring.lock_jobs_with_keys(keys text[])
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM 1 FROM mainspring.jobs AS j
    WHERE j.id = ANY (ARRAY(SELECT k.id FROM mainspring.jobs AS k
        WHERE k.key = ANY (keys) AND k.key IS NOT NULL AND k.state <> 'dead'))
    ORDER BY j.id FOR UPDATE;
END $$;
