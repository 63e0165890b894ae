-- Returns whether the limit of a due job's task over all processes holds it up: its slots are taken, or its tokens used up. A slot
-- is taken while its job runs under the lease that took it, as for `task_room`, which frees the others.
CREATE OR REPLACE FUNCTION mainspring.explain_task_limit(job mainspring.jobs, moment timestamptz)
RETURNS SETOF mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    limits mainspring.task_limits;
    holders bigint[];
    tokens double precision;
    token_at timestamptz;
BEGIN
    SELECT l.* INTO limits FROM mainspring.task_limits AS l WHERE l.task = job.task;
    IF limits.concurrency IS NOT NULL THEN
        holders := ARRAY(SELECT s.job_id FROM mainspring.task_slots AS s
            WHERE s.task = limits.task AND s.slot >= limits.first_slot
                AND EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = s.job_id AND j.lease = s.lease)
            ORDER BY s.slot LIMIT limits.concurrency);
        IF cardinality(holders) >= limits.concurrency THEN
            RETURN NEXT ROW('task_limit_reached', format('Its task `%s` runs at most %s at once, and these run: %s.', limits.task,
                limits.concurrency, mainspring.ids_text(holders)), NULL::timestamptz, jsonb_build_object('task', limits.task,
                'concurrency', limits.concurrency, 'holders', mainspring.slot_holders(holders)))::mainspring.job_reason;
        END IF;
    END IF;
    tokens := mainspring.tokens_at(limits.rate_limit, limits.rate_period, limits.tokens, limits.tokens_at, moment);
    IF limits.rate_limit IS NOT NULL AND tokens < 1 THEN
        token_at := moment + mainspring.next_token_in(limits.rate_limit, limits.rate_period, tokens) * interval '1 millisecond';
        RETURN NEXT ROW('task_rate_limited', format('Its task `%s` starts at most %s in %s, and may start the next at %s.',
            limits.task, limits.rate_limit, limits.rate_period, mainspring.utc_text(token_at)), token_at,
            jsonb_build_object('task', limits.task, 'rate_limit', limits.rate_limit,
                'rate_period_seconds', extract(epoch FROM limits.rate_period)))::mainspring.job_reason;
    END IF;
END $$;
