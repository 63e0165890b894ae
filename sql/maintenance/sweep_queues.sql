-- Removes queues that have no settings of their own and no job, at most `most`, as `sweep` does. Admission creates such rows.
-- One that has used tokens up stays until its bucket is full: a new row would begin with a full one.
CREATE OR REPLACE FUNCTION mainspring.sweep_queues(most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT mainspring.refuse(CASE WHEN most < 0 THEN format('most must be at least 0, got %s', most) END);
    SELECT s.* FROM mainspring.sweep(
        'SELECT u.name FROM mainspring.queues AS u
            WHERE u.source <> ''own'' AND NOT u.paused AND (u.rate_limit IS NULL
                OR mainspring.tokens_at(u.rate_limit, u.rate_period, u.tokens, u.tokens_at, mainspring.now()) >= u.rate_limit)
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.state = ''parked'' AND j.queue = u.name)
                AND NOT EXISTS (SELECT FROM mainspring.jobs AS j
                    WHERE j.queue = u.name AND j.state IN (''ready'', ''running''))',
        'DELETE FROM mainspring.queues AS q WHERE q.name = ANY ($1)', most) AS s;
$$;
