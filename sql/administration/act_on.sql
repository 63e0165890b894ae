-- Performs what a person does to locked jobs: moves them by the event, and notifies the workers. Returns the jobs that the
-- database does not let go. Those that waited are set apart if their data is the reason.
CREATE OR REPLACE FUNCTION mainspring.act_on(before mainspring.jobs[], event text, reason text)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ended bigint[];
    refused bigint[];
BEGIN
    SELECT array_agg(m.job_id), array_agg(m.job_id) FILTER (WHERE m.job_problem IS NOT NULL AND m.job_state IS NOT NULL)
    INTO ended, refused
    FROM mainspring.move_or_isolate(ARRAY(
        SELECT mainspring.new_event(b.id, act_on.event, reason => act_on.reason) FROM unnest(before) AS b
        WHERE mainspring.event_applies(b.state, act_on.event)), event <> 'delete') AS m;
    PERFORM mainspring.notify_after(before, ended);
    RETURN refused;
END $$;
