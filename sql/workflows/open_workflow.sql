-- Stores a new workflow, or locks the one that jobs are to be added to, and returns it. Refuses one that was cancelled or has
-- finished, or whose callback does not wait any more.
--
-- `cancel_workflow` locks and marks the same row. So it comes before, and this refuses, or it cancels the new jobs too. The row of
-- the callback stays locked until the transaction ends. So it is released before, and this refuses, or it waits for the
-- new jobs too.
CREATE OR REPLACE FUNCTION mainspring.open_workflow(flow jsonb)
RETURNS mainspring.workflows
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    opened mainspring.workflows;
    wanted bigint := (flow ->> 'workflow')::bigint;
    is_open boolean;
BEGIN
    IF flow ->> 'name' IS NOT NULL THEN
        INSERT INTO mainspring.workflows (name, properties, on_failure)
        VALUES (flow ->> 'name', coalesce(flow -> 'properties', 'null'), coalesce(flow ->> 'on_failure', 'hold')) RETURNING * INTO opened;
        RETURN opened;
    END IF;
    IF flow ->> 'of_job' IS NOT NULL THEN
        SELECT max(m.workflow_id) INTO wanted FROM mainspring.workflow_jobs AS m WHERE m.job_id = (flow ->> 'of_job')::bigint;
        PERFORM mainspring.refuse(CASE WHEN wanted IS NULL THEN format('of_job must be a job of a workflow, got %s', flow ->> 'of_job') END);
    END IF;
    SELECT w.* INTO opened FROM mainspring.workflows AS w WHERE w.id = wanted FOR NO KEY UPDATE;
    PERFORM mainspring.refuse(CASE WHEN opened.id IS NULL THEN format('workflow must be one that is there, got %s', wanted)
        WHEN opened.cancelled_at IS NOT NULL THEN format('workflow must be one that was not cancelled, got %s', wanted) END);
    IF opened.callback IS NOT NULL THEN
        SELECT j.state = 'waiting' INTO is_open FROM mainspring.jobs AS j WHERE j.id = opened.callback FOR NO KEY UPDATE;
    ELSE
        is_open := EXISTS (SELECT FROM mainspring.workflow_jobs AS m JOIN mainspring.jobs AS j ON j.id = m.job_id
            WHERE m.workflow_id = opened.id);
    END IF;
    PERFORM mainspring.refuse(CASE WHEN is_open IS NOT TRUE THEN format('workflow must be one that has not finished, got %s', wanted) END);
    RETURN opened;
END $$;
