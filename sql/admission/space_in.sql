-- Returns how many jobs a queue has room and tokens for at this moment.
--
-- - `waiting`: of the admitted jobs, how many have not started.
-- - `highest_slot`, `lowest_slot`: the greatest number that was given out, and the least one that is open.
-- - `tokens`: how many the queue holds, if it has a rate. `token_in`: if they do not suffice for the room, after how many
--   milliseconds the one comes behind those that are used up now.
CREATE OR REPLACE FUNCTION mainspring.space_in(gate mainspring.queues, moment timestamptz)
RETURNS mainspring.queue_space
LANGUAGE plpgsql
AS $$
DECLARE
    space mainspring.queue_space;
BEGIN
    SELECT greatest(gate.concurrency - count(*), 0), count(*) FILTER (WHERE j.state = 'ready'),
        greatest(gate.last_slot, max(j.slot)), min(j.slot)
    INTO space.room, space.waiting, space.highest_slot, space.lowest_slot
    FROM mainspring.jobs AS j
    WHERE j.queue = gate.name AND j.queue IS NOT NULL AND j.state IN ('ready', 'running')
        AND mainspring.slot_or_last(j.slot) >= gate.first_slot;
    IF space.room > 0 AND gate.rate_limit IS NOT NULL THEN
        space.tokens := mainspring.tokens_at(gate.rate_limit, gate.rate_period, gate.tokens, gate.tokens_at, moment);
        IF floor(space.tokens) < space.room THEN
            space.token_in := mainspring.next_token_in(gate.rate_limit, gate.rate_period, space.tokens);
            space.room := floor(space.tokens);
        END IF;
    END IF;
    RETURN space;
END $$;
