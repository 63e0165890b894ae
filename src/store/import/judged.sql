-- Queries behind `WITH`, of which `judged` has the jobs of Graphile Worker as Mainspring would hold them, each with the reason why
-- it stays, or NULL. The comments between slashes are replaced: those that lock, by what locks the rows or by nothing.
--
-- A worker of Graphile's locks the row of a queue before it takes a job of it. So a queue whose row could be locked here has no
-- job that runs, and gets none. Rows that another transaction holds are passed over, so that nothing waits.
free AS MATERIALIZED (
    SELECT q.id FROM graphile_worker._private_job_queues AS q WHERE q.locked_at IS NULL /* lock */
), found AS MATERIALIZED (
    SELECT j.* FROM graphile_worker._private_jobs AS j WHERE j.locked_at IS NULL OR /* locked too */
    /* lock */
), described AS (
    SELECT f.*, t.identifier AS task, q.queue_name AS queue, f.attempts >= f.max_attempts AS is_dead, h.id AS holder,
        q.locked_at AS queue_locked_at, q.locked_by AS queue_locked_by, u.id IS NOT NULL AS is_queue_free,
        CASE WHEN jsonb_typeof(f.flags) = 'object' THEN mainspring.sorted_flags(ARRAY(SELECT jsonb_object_keys(f.flags))) END AS labels
    FROM found AS f
    LEFT JOIN graphile_worker._private_tasks AS t ON t.id = f.task_id
    LEFT JOIN graphile_worker._private_job_queues AS q ON q.id = f.job_queue_id
    LEFT JOIN free AS u ON u.id = f.job_queue_id
    -- A dead job holds no key in Mainspring, so it needs none.
    LEFT JOIN mainspring.jobs AS h ON h.key = f.key AND h.key IS NOT NULL AND h.state <> 'dead' AND f.attempts < f.max_attempts
), judged AS MATERIALIZED (
    SELECT d.*, p.problem, CASE
        WHEN d.locked_at IS NOT NULL THEN 'locked'
        WHEN d.holder IS NOT NULL THEN 'key_taken'
        WHEN d.queue IS NOT NULL AND NOT d.is_queue_free AND NOT d.is_dead THEN 'queue_locked'
        WHEN p.problem IS NOT NULL THEN 'invalid' END AS reason
    FROM described AS d CROSS JOIN LATERAL (SELECT CASE
        WHEN d.queue IS NULL AND d.job_queue_id IS NOT NULL THEN format('queue must have a row, got the id %s', d.job_queue_id)
        WHEN d.attempts < 0 THEN format('attempts must be 0 to 32767, got %s', d.attempts)
        WHEN jsonb_typeof(d.flags) NOT IN ('object', 'null') THEN format('flags must be an object, got %s', jsonb_typeof(d.flags))
        WHEN mainspring.is_suspect_job(d.task, d.payload::text, d.queue, d.run_at, d.priority, d.max_attempts, d.key, NULL, d.labels)
            THEN coalesce(mainspring.validate_job(d.task, d.queue, d.run_at, d.priority, d.max_attempts, d.key),
                mainspring.flags_problem(d.labels),
                mainspring.payload_problem(d.payload::text, (SELECT mainspring.payload_limit())))
        END AS problem) AS p
)
