-- Writes into running jobs that they are to end, and notifies their workers. Returns the jobs whose rows the database does not
-- let be changed. One such row does not keep the others from being cancelled.
CREATE OR REPLACE FUNCTION mainspring.request_cancels(running mainspring.jobs[], why text)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    job mainspring.jobs;
    refused bigint[] := '{}';
BEGIN
    FOREACH job IN ARRAY running LOOP
        BEGIN
            UPDATE mainspring.jobs AS j SET cancel_reason = why, updated_at = mainspring.now() WHERE j.id = job.id;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING 'job % cannot be cancelled: %', job.id, SQLERRM;
            refused := refused || job.id;
        END;
    END LOOP;
    PERFORM pg_notify(mainspring.channel(), 'cancel ' || w.worker_id)
    FROM (SELECT DISTINCT r.worker_id FROM unnest(running) AS r WHERE r.id <> ALL (refused)) AS w;
    RETURN refused;
END $$;
