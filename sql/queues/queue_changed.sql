-- Carries out a change of a queue's settings, however it was made.
--
-- - Ready jobs that no longer have a slot are parked again. So a pause, or a smaller limit, holds for all jobs that no
--   worker has claimed.
-- - The workers are notified that the queue may admit jobs.
-- - Listeners are notified of a pause (`paused NAME`) or its end (`resumed NAME`).
CREATE OR REPLACE FUNCTION mainspring.queue_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    changed text := CASE WHEN TG_OP = 'DELETE' THEN OLD.name ELSE NEW.name END;
    slots bigint := CASE WHEN TG_OP = 'DELETE' THEN coalesce((mainspring.family_of(OLD.name)).concurrency, 1) WHEN NEW.paused THEN 0 ELSE NEW.concurrency END;
    surplus bigint;
BEGIN
    -- As in the condition of the index jobs_slots, so that the planner uses it.
    SELECT least(count(*) FILTER (WHERE j.state = 'ready'), count(*) - slots) INTO surplus
    FROM mainspring.jobs AS j WHERE j.queue = changed AND j.state IN ('ready', 'running');
    IF slots = 0 THEN
        surplus := NULL;
    END IF;
    IF surplus IS NULL OR surplus > 0 THEN
        PERFORM mainspring.park_jobs(ARRAY(
            SELECT r.id FROM mainspring.jobs AS r WHERE r.queue = changed AND r.state = 'ready'
            ORDER BY r.turn_at DESC, r.id DESC LIMIT surplus FOR UPDATE SKIP LOCKED));
    END IF;
    -- Jobs are parked again before the place from which workers scan. The epoch is the earliest time of a notification.
    PERFORM mainspring.wake(mainspring.first_priority(), 'epoch', ARRAY[changed]);
    IF TG_OP <> 'DELETE' AND NEW.paused <> coalesce(OLD.paused, false) THEN
        PERFORM pg_notify(mainspring.channel(), CASE WHEN NEW.paused THEN 'paused ' ELSE 'resumed ' END || changed);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER queue_added AFTER INSERT ON mainspring.queues FOR EACH ROW
    WHEN (NEW.paused OR NEW.source = 'own')
    EXECUTE FUNCTION mainspring.queue_changed();

CREATE OR REPLACE TRIGGER queue_changed AFTER UPDATE OF concurrency, paused, rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN ((OLD.concurrency, OLD.paused, OLD.rate_limit, OLD.rate_period)
        IS DISTINCT FROM (NEW.concurrency, NEW.paused, NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.queue_changed();

CREATE OR REPLACE TRIGGER queue_removed AFTER DELETE ON mainspring.queues FOR EACH ROW
    WHEN (OLD.paused OR OLD.source = 'own')
    EXECUTE FUNCTION mainspring.queue_changed();
