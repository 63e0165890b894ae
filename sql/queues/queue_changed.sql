-- What follows from a change of a queue: its surplus goes back behind the gate, so that a pause or a narrower
-- limit holds for every job that no worker has claimed; then the workers are told to look at the gate, and those who
-- listen to events of a pause or its end: `paused NAME`, `resumed NAME`.
CREATE OR REPLACE FUNCTION mainspring.queue_changed()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    changed text := CASE WHEN TG_OP = 'DELETE' THEN OLD.name ELSE NEW.name END;
    slots bigint := CASE WHEN TG_OP = 'DELETE' THEN 1 WHEN NEW.paused THEN 0 ELSE NEW.concurrency END;
    surplus bigint;
BEGIN
    SELECT least(count(*) FILTER (WHERE j.state = 'ready'), count(*) - slots) INTO surplus
    FROM mainspring.jobs AS j
    WHERE j.queue = changed AND j.queue IS NOT NULL AND j.state IN ('ready', 'running');
    IF slots = 0 THEN
        surplus := NULL;
    END IF;
    IF surplus IS NULL OR surplus > 0 THEN
        UPDATE mainspring.jobs AS j SET state = 'parked', updated_at = mainspring.now()
        WHERE j.id = ANY (ARRAY(
            SELECT r.id FROM mainspring.jobs AS r
            WHERE r.queue = changed AND r.queue IS NOT NULL AND r.state IN ('ready', 'running') AND r.state = 'ready'
            ORDER BY r.turn_at DESC, r.id DESC LIMIT surplus FOR UPDATE SKIP LOCKED));
    END IF;
    -- What went back is parked where a gate may no longer look: from the very beginning on.
    PERFORM mainspring.wake(-32768, 'epoch', ARRAY[changed]);
    IF TG_OP <> 'DELETE' AND NEW.paused <> coalesce(OLD.paused, false) THEN
        PERFORM pg_notify(mainspring.channel(), CASE WHEN NEW.paused THEN 'paused ' ELSE 'resumed ' END || changed);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER queue_added AFTER INSERT ON mainspring.queues FOR EACH ROW
    WHEN (NEW.paused OR NEW.concurrency <> 1 OR NEW.rate_limit IS NOT NULL)
    EXECUTE FUNCTION mainspring.queue_changed();

CREATE OR REPLACE TRIGGER queue_changed AFTER UPDATE OF concurrency, paused, rate_limit, rate_period ON mainspring.queues FOR EACH ROW
    WHEN ((OLD.concurrency, OLD.paused, OLD.rate_limit, OLD.rate_period)
        IS DISTINCT FROM (NEW.concurrency, NEW.paused, NEW.rate_limit, NEW.rate_period))
    EXECUTE FUNCTION mainspring.queue_changed();

CREATE OR REPLACE TRIGGER queue_removed AFTER DELETE ON mainspring.queues FOR EACH ROW
    WHEN (OLD.paused OR OLD.concurrency <> 1 OR OLD.rate_limit IS NOT NULL)
    EXECUTE FUNCTION mainspring.queue_changed();
