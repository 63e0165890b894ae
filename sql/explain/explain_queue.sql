-- Returns why the queue of a due job does not admit it, if it does not: it has no room or no token, as `space_in` finds. A pause
-- is not told here. A queue without a row has admitted nothing.
CREATE OR REPLACE FUNCTION mainspring.explain_queue(job mainspring.jobs, moment timestamptz)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    gate mainspring.queues;
    space mainspring.queue_space;
    holders bigint[];
    token_at timestamptz;
BEGIN
    SELECT q.* INTO gate FROM mainspring.queues AS q WHERE q.name = job.queue AND job.state <> 'ready';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    space := mainspring.space_in(gate, moment);
    IF space.room > 0 THEN
        RETURN;
    ELSIF space.token_in IS NULL THEN
        holders := ARRAY(SELECT j.id FROM mainspring.jobs AS j
            WHERE j.queue = gate.name AND j.queue IS NOT NULL AND j.state IN ('ready', 'running')
                AND mainspring.slot_or_last(j.slot) >= gate.first_slot
            ORDER BY mainspring.slot_or_last(j.slot) LIMIT gate.concurrency);
        RETURN NEXT ROW('queue_full', format('Its queue `%s` runs at most %s at once, and is full with %s.', gate.name,
            gate.concurrency, mainspring.ids_text(holders)), NULL::timestamptz, jsonb_build_object('queue', gate.name,
            'concurrency', gate.concurrency, 'holders', mainspring.slot_holders(holders)))::mainspring.job_reason;
    ELSE
        token_at := moment + space.token_in * interval '1 millisecond';
        RETURN NEXT ROW('queue_rate_limited', format('Its queue `%s` starts at most %s in %s, and may start the next at %s.',
            gate.name, gate.rate_limit, gate.rate_period, mainspring.utc_text(token_at)), token_at,
            jsonb_build_object('queue', gate.name, 'rate_limit', gate.rate_limit,
                'rate_period_seconds', extract(epoch FROM gate.rate_period)))::mainspring.job_reason;
    END IF;
END $$;
