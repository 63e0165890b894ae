-- Adds jobs, all or none. NULL means the default: what tasks have published is in the jobs already. Returns a row for each in the order of the input, with new ids in that order too. Without keys all
-- ordinals are 0. The functions that it calls run under its settings, since each setting costs time in each call.
CREATE OR REPLACE FUNCTION mainspring.enqueue_jobs(jobs mainspring.new_job[], notify boolean DEFAULT true)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint, job_run_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    moment timestamptz := mainspring.now();
    facts record := mainspring.new_job_facts(jobs, moment);
BEGIN
    IF facts.has_suspects THEN
        PERFORM mainspring.refuse(mainspring.jobs_problem(jobs));
    END IF;
    IF NOT facts.has_keys THEN
        RETURN QUERY
        INSERT INTO mainspring.jobs AS j (task, payload, queue, run_at, priority, max_attempts, flags, trace_context, version, state)
        SELECT (s.job).task, (s.job).payload::jsonb, (s.job).queue, (s.job).run_at, (s.job).priority, (s.job).max_attempts,
            (s.job).flags, (s.job).trace_context, (s.job).version, mainspring.waiting_state((s.job).queue, (s.job).run_at, moment)
        FROM mainspring.job_rows(jobs, moment) AS s ORDER BY s.ord
        RETURNING 0::bigint, j.id, j.state, j.priority, j.run_at;
    ELSIF cardinality(jobs) = 1 THEN
        SELECT 1, o.id, o.state, o.priority, o.run_at INTO ordinal, job_id, job_state, job_priority, job_run_at
        FROM mainspring.job_rows(jobs, moment) AS s
        CROSS JOIN LATERAL mainspring.enqueue_one(nextval('mainspring.jobs_id_seq'), s.job, moment) AS o;
        -- Under its key a job may keep its time, and then waits where it waited before.
        facts.first_run_at := least(facts.first_run_at, job_run_at);
        RETURN NEXT;
    ELSE
        FOR ordinal, job_id, job_state, job_priority, job_run_at IN
            SELECT * FROM mainspring.enqueue_keyed(jobs, moment) AS e(place) ORDER BY e.place
        LOOP
            facts.first_run_at := least(facts.first_run_at, job_run_at);
            RETURN NEXT;
        END LOOP;
    END IF;
    IF notify AND (facts.is_soon OR facts.first_run_at <= moment) THEN
        PERFORM mainspring.wake(facts.least_priority, facts.first_run_at, facts.queues, facts.is_soon, facts.has_flags);
    END IF;
END $$;
