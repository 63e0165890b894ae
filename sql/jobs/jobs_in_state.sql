-- Returns the ids of all jobs in a state, or NULL if there are more than `most`. It reads no more than that, in the order of the
-- index of the state.
CREATE OR REPLACE FUNCTION mainspring.jobs_in_state(state text, most bigint)
RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    found bigint[];
BEGIN
    CASE jobs_in_state.state
    WHEN 'waiting' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'waiting' ORDER BY j.id LIMIT most + 1);
    WHEN 'held' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'held' ORDER BY j.id LIMIT most + 1);
    WHEN 'scheduled' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'scheduled' ORDER BY j.run_at, j.id LIMIT most + 1);
    WHEN 'parked' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'parked'
            ORDER BY j.queue, j.priority, j.run_at, j.id LIMIT most + 1);
    WHEN 'ready' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NULL
            ORDER BY j.task, j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT most + 1)
            || ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'ready' AND j.flags IS NOT NULL
            ORDER BY j.task, j.flags, j.priority, coalesce(j.turn_at, j.run_at), j.id LIMIT most + 1);
    WHEN 'running' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'running' ORDER BY j.worker_id LIMIT most + 1);
    WHEN 'dead' THEN
        found := ARRAY(SELECT j.id FROM mainspring.jobs AS j WHERE j.state = 'dead' ORDER BY j.updated_at LIMIT most + 1);
    END CASE;
    RETURN CASE WHEN cardinality(found) <= most THEN found END;
END $$;
