-- Notifies the workers of what follows from a change of jobs. A changed job may be due. A job that was ready or running before
-- has given up a slot of its queue.
CREATE OR REPLACE FUNCTION mainspring.notify_after(before mainspring.jobs[], changed bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment timestamptz := mainspring.now();
    due record;
    freed text[];
BEGIN
    SELECT min(j.priority) AS priority, min(j.run_at) AS run_at, array_agg(DISTINCT j.queue) AS queues,
        coalesce(bool_or(j.run_at > moment AND j.run_at < moment + interval '20 seconds'), false) AS soon
    INTO due FROM mainspring.jobs AS j WHERE j.id = ANY (changed) AND j.state IN ('scheduled', 'parked', 'ready');
    IF due.run_at IS NOT NULL THEN
        PERFORM mainspring.wake(due.priority, due.run_at, due.queues, due.soon);
    END IF;
    SELECT array_agg(DISTINCT b.queue) INTO freed FROM unnest(before) AS b
    WHERE b.id = ANY (changed) AND b.queue IS NOT NULL AND b.state IN ('ready', 'running');
    IF freed IS NOT NULL THEN
        PERFORM mainspring.wake(0, moment, freed);
    END IF;
END $$;
