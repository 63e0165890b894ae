-- Counts the jobs of `judged` that stay, by reason, and describes the first ones. One without a reason is busy: another transaction
-- held it, or has added it since.
, staying AS (
    SELECT j.*, coalesce(j.reason, 'busy') AS why FROM judged AS j WHERE j.reason IS NOT NULL OR /* busy too */
), counted AS (
    SELECT s.why AS reason, count(*) AS count FROM staying AS s GROUP BY s.why
), described_ones AS (
    SELECT s.id, s.task, s.queue, s.key, s.why AS reason, CASE s.why
            WHEN 'locked' THEN 'a worker has locked it'
            WHEN 'queue_locked' THEN 'a worker has locked its queue'
            WHEN 'key_taken' THEN format('job %s of Mainspring has its key', s.holder)
            WHEN 'invalid' THEN s.problem
            ELSE 'another transaction held it, or has added it since' END AS detail,
        CASE s.why WHEN 'locked' THEN s.locked_by WHEN 'queue_locked' THEN s.queue_locked_by END AS locked_by,
        mainspring.readable_time(CASE s.why WHEN 'locked' THEN s.locked_at WHEN 'queue_locked' THEN s.queue_locked_at END) AS locked_at
    FROM staying AS s ORDER BY s.id LIMIT 1000
)
SELECT json_build_object('left', (SELECT coalesce(json_agg(c ORDER BY c.reason), '[]') FROM counted AS c),
    'left_jobs', (SELECT coalesce(json_agg(d ORDER BY d.id), '[]') FROM described_ones AS d))::text
