-- Stores the limit of a task, as `set_task_limit` does. With `only_if_absent`, a limit stays that a person has set. Returns
-- whether it was stored.
CREATE OR REPLACE FUNCTION mainspring.write_task_limit(
    task_name text, concurrency bigint, rate_limit bigint, rate_period interval, only_if_absent boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM mainspring.refuse(coalesce(mainspring.validate_job(task_name),
        mainspring.limit_problem(concurrency, rate_limit, rate_period),
        CASE WHEN concurrency IS NULL AND rate_limit IS NULL
            THEN 'concurrency must be given unless rate_limit is, got neither' END));
    INSERT INTO mainspring.task_limits AS l (task, concurrency, rate_limit, rate_period, by_code)
    VALUES (task_name, write_task_limit.concurrency, write_task_limit.rate_limit, write_task_limit.rate_period,
        CASE WHEN only_if_absent THEN mainspring.limits_of(write_task_limit.concurrency, write_task_limit.rate_limit,
            write_task_limit.rate_period) END)
    ON CONFLICT ON CONSTRAINT task_limits_pkey DO UPDATE SET concurrency = excluded.concurrency,
        rate_limit = excluded.rate_limit, rate_period = excluded.rate_period, by_code = excluded.by_code,
        updated_at = mainspring.now()
    WHERE NOT only_if_absent
        OR (l.by_code = mainspring.limits_of(l.concurrency, l.rate_limit, l.rate_period) AND l.by_code <> excluded.by_code);
    RETURN FOUND;
END $$;
