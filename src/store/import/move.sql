-- Moves the jobs of `judged` that can be moved, in the order of their ids, and counts them by task and state. A job whose key was
-- taken meanwhile stays. Workers learn of the jobs at the commit.
, movable AS MATERIALIZED (
    SELECT nextval('mainspring.jobs_id_seq') AS new_id, o.* FROM (
        SELECT j.id, j.task, j.queue, j.is_dead, j.priority, j.run_at, j.attempts, j.max_attempts, j.key, j.labels, j.revision,
            j.created_at, j.last_error, j.payload
        FROM judged AS j WHERE j.reason IS NULL ORDER BY j.id) AS o
), added AS (
    INSERT INTO mainspring.jobs AS n (id, task, queue, state, priority, run_at, attempts, max_attempts, key, flags, revision,
        created_at, last_error, payload)
    SELECT m.new_id, m.task, m.queue, CASE WHEN m.is_dead THEN 'dead' ELSE mainspring.waiting_state(m.queue, m.run_at, mainspring.now()) END,
        m.priority, m.run_at, least(m.attempts, m.max_attempts), m.max_attempts, m.key, m.labels, m.revision,
        CASE WHEN mainspring.is_readable_time(m.created_at) THEN m.created_at ELSE mainspring.now() END,
        mainspring.cut_text(m.last_error), m.payload::jsonb
    FROM movable AS m
    ON CONFLICT (key) WHERE key IS NOT NULL AND state <> 'dead' DO NOTHING
    RETURNING n.id, n.task, n.queue, n.state, n.priority, n.run_at, n.flags
), removed AS (
    DELETE FROM graphile_worker._private_jobs AS g USING movable AS m, added AS a WHERE a.id = m.new_id AND g.id = m.id
), woken AS (
    SELECT mainspring.wake(min(a.priority), min(a.run_at), array_agg(DISTINCT a.queue),
        bool_or(a.run_at > mainspring.now() AND a.run_at < mainspring.now() + interval '20 seconds'), bool_or(a.flags IS NOT NULL))
    FROM added AS a WHERE a.state <> 'dead' HAVING count(*) > 0
), counted AS (
    SELECT a.task, a.state::text AS state, count(*) AS count FROM added AS a GROUP BY a.task, a.state
)
SELECT json_build_object('moved', (SELECT coalesce(json_agg(c ORDER BY c.task, c.state), '[]') FROM counted AS c),
    'woken', (SELECT count(*) FROM woken))::text
