-- Returns how many jobs the limit of a task has room and tokens for at this moment, at most `wanted`, for `enter_task_gate`. The
-- caller holds the limit's row.
--
-- A slot is taken for as long as its job runs under the lease that took it. The others are found only when there seem to be too
-- few: nothing that ends a job need know of them.
CREATE OR REPLACE FUNCTION mainspring.task_room(
    limits mainspring.task_limits, wanted bigint, moment timestamptz, OUT result mainspring.task_gate)
LANGUAGE plpgsql
AS $$
DECLARE
    room bigint := wanted;
    taken bigint;
    freed bigint;
    tokens double precision;
    token_in bigint;
BEGIN
    IF limits.concurrency IS NOT NULL THEN
        taken := (SELECT count(*) FROM mainspring.task_slots AS s
            WHERE s.task = limits.task AND s.slot >= limits.first_slot);
        IF limits.concurrency - taken < wanted THEN
            DELETE FROM mainspring.task_slots AS s WHERE s.task = limits.task AND s.slot >= limits.first_slot
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = s.job_id AND j.lease = s.lease);
            GET DIAGNOSTICS freed = ROW_COUNT;
            room := greatest(0, least(wanted, limits.concurrency - taken + freed));
        END IF;
    END IF;
    IF limits.rate_limit IS NOT NULL AND room > 0 THEN
        tokens := mainspring.tokens_at(limits.rate_limit, limits.rate_period, limits.tokens, limits.tokens_at, moment);
        IF floor(tokens) < room THEN
            room := floor(tokens);
            token_in := mainspring.next_token_in(limits.rate_limit, limits.rate_period, tokens);
        END IF;
    END IF;
    result := ROW(limits.task, 'open', room, token_in);
END $$;
