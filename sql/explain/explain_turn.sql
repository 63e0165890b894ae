-- Returns where a due job stands that nothing hinders: how many jobs of its queue are admitted before it, or how many of its task
-- are claimed before it. Counting stops at 1,000. Of jobs with other flags than its own, only those without are counted.
CREATE OR REPLACE FUNCTION mainspring.explain_turn(job mainspring.jobs, moment timestamptz)
RETURNS mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    most CONSTANT bigint := 1000;
    place CONSTANT timestamptz := coalesce(job.turn_at, job.run_at);
    counted bigint := 0;
BEGIN
    IF job.state = 'parked' THEN
        counted := (SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j WHERE j.state = 'parked' AND j.queue = job.queue
            AND (j.priority, j.run_at, j.id) < (job.priority, job.run_at, job.id)
            ORDER BY j.priority, j.run_at, j.id LIMIT most) AS c);
    ELSIF job.state = 'ready' THEN
        counted := (SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j
            WHERE j.task = job.task AND j.state = 'ready' AND j.flags IS NULL
                AND (j.priority, coalesce(j.turn_at, j.run_at), j.id) < (job.priority, place, job.id)
            ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT most) AS c);
        IF job.flags IS NOT NULL THEN
            counted := counted + (SELECT count(*) FROM (SELECT FROM mainspring.jobs AS j
                WHERE j.task = job.task AND j.state = 'ready' AND j.flags IS NOT NULL AND j.flags = job.flags
                    AND (j.priority, coalesce(j.turn_at, j.run_at), j.id) < (job.priority, place, job.id)
                ORDER BY j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT most) AS c);
        END IF;
    END IF;
    RETURN ROW('nothing_hinders', format('Nothing hinders it: it is %s since %s. Jobs before it: %s%s.', job.state,
        mainspring.utc_text(job.run_at), least(counted, most), CASE WHEN counted >= most THEN ' or more' ELSE '' END),
        NULL::timestamptz, jsonb_build_object('state', job.state, 'before', least(counted, most),
            'before_cap', most))::mainspring.job_reason;
END $$;
