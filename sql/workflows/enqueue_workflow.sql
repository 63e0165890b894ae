-- Adds jobs as `enqueue_jobs` does, as members of the workflow that `flow` describes, all or none. `add_workflow` explains the names in
-- `flow`. In place of the jobs it has their `names` and their lists `after`, in the order of the jobs, and whether the last job is the
-- `callback`. The ordinals are places in the input.
--
-- Parents that are stored already are locked before the rows of keys, as `enqueue_waiting` does.
CREATE OR REPLACE FUNCTION mainspring.enqueue_workflow(jobs mainspring.new_job[], flow jsonb)
RETURNS TABLE (flow_id bigint, ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    count CONSTANT bigint := cardinality(jobs);
    has_callback CONSTANT boolean := flow -> 'callback' = 'true';
    opened mainspring.workflows;
    asked record;
    added bigint[];
    new_waits mainspring.waits[];
BEGIN
    PERFORM mainspring.refuse(mainspring.workflow_problem(flow, count));
    opened := mainspring.open_workflow(flow);
    SELECT m.* INTO asked FROM mainspring.member_waits(flow, count, opened.id) AS m;
    new_waits := mainspring.known_waits(asked.outer_waits, count);
    added := ARRAY(SELECT e.job_id FROM mainspring.enqueue_jobs(jobs, false) AS e ORDER BY e.ordinal, e.job_id);
    PERFORM mainspring.add_members(opened, flow -> 'names', added,
        ARRAY(SELECT w FROM unnest(asked.inner_waits) AS w WHERE NOT (has_callback AND w.child = count)));
    IF has_callback THEN
        UPDATE mainspring.workflows AS w SET callback = added[count] WHERE w.id = opened.id;
    END IF;
    new_waits := mainspring.placed_waits(new_waits || ARRAY(
        SELECT ROW(w.child, added[w.parent], '', w.on_failure, NULL)::mainspring.waits FROM unnest(asked.inner_waits) AS w), jobs, added);
    new_waits := new_waits || ARRAY(SELECT ROW(opened.callback, a, '', opened.on_failure, NULL)::mainspring.waits
        FROM unnest(added) AS a WHERE opened.callback IS NOT NULL);
    PERFORM FROM mainspring.lock_parents(ARRAY(SELECT DISTINCT w.parent FROM unnest(new_waits) AS w WHERE w.parent = ANY (added)));
    PERFORM mainspring.add_late_waits(new_waits);
    PERFORM mainspring.notify_after('{}', added);
    RETURN QUERY
    SELECT opened.id, a.ord, j.id, j.state, j.priority, j.run_at
    FROM unnest(added) WITH ORDINALITY AS a(id, ord) JOIN mainspring.jobs AS j ON j.id = a.id ORDER BY a.ord;
END $$;
