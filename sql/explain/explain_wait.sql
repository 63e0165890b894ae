-- Returns why one thing keeps a job waiting: a signal that was not sent, a parent that has not ended, or one that did not succeed.
CREATE OR REPLACE FUNCTION mainspring.explain_wait(wait mainspring.waits, parent mainspring.jobs)
RETURNS mainspring.job_reason
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    facts jsonb := jsonb_build_object('job', wait.parent, 'state', coalesce(parent.state::text, wait.ending), 'task', parent.task);
BEGIN
    IF wait.signal <> '' THEN
        RETURN ROW('waits_for_signal', format('It waits for the signal `%s`.', wait.signal), NULL::timestamptz,
            jsonb_build_object('signal', wait.signal))::mainspring.job_reason;
    ELSIF parent.state = 'dead' THEN
        RETURN ROW('parent_failed', format('Job %s, for which it waits, is dead. Retry that job, or release this one.', wait.parent), NULL::timestamptz, facts)::mainspring.job_reason;
    ELSIF parent.id IS NULL AND wait.ending IS NOT NULL THEN
        RETURN ROW('parent_failed', format('Job %s, for which it waits, was %s. Release this one, or cancel it.',
            wait.parent, wait.ending), NULL::timestamptz, facts)::mainspring.job_reason;
    END IF;
    RETURN ROW('waits_for_job', format('It waits for job %s of task `%s`, which is %s.', wait.parent, parent.task,
        coalesce(parent.state::text, 'about to be noticed')), NULL::timestamptz, facts)::mainspring.job_reason;
END $$;
