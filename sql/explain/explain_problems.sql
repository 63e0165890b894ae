-- Returns why the workers able to take a job claim none: all of them stop, or they have problems.
CREATE OR REPLACE FUNCTION mainspring.explain_problems(job mainspring.jobs)
RETURNS mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    draining boolean;
    facts jsonb;
BEGIN
    SELECT bool_and('draining' = ANY (w.problems)), jsonb_build_object('workers', jsonb_agg(jsonb_build_object(
        'id', w.id, 'name', w.name, 'problems', w.problems) ORDER BY w.id))
    INTO draining, facts
    FROM (SELECT a.* FROM mainspring.able_workers(job) AS a ORDER BY a.id LIMIT 10) AS w;
    IF draining THEN
        RETURN ROW('workers_draining', 'Every worker that could take it is stopping.', NULL::timestamptz,
            facts)::mainspring.job_reason;
    END IF;
    RETURN ROW('workers_failing', 'No worker that could take it can claim jobs: each is stopping or has a problem.',
        NULL::timestamptz, facts)::mainspring.job_reason;
END $$;
