-- Tries once to add the jobs of `enqueue_keyed`.
--
-- 1. The living rows with these keys are locked in the order of their ids, as settling locks its rows.
-- 2. Every job whose key is free is added, in the order of the keys.
-- 3. The other jobs are added one after the other, in that order.
--
-- A transaction that has taken a key therefore waits for no row, and two of these never wait for each other. Another
-- transaction may store a job under one of the keys after step 1. If it still holds that row, this fails with MS001 unless
-- `patient`. The caller rolls back and starts again, with that row among those of step 1.
CREATE OR REPLACE FUNCTION mainspring.try_enqueue_keyed(jobs mainspring.new_job[], moment timestamptz, patient boolean)
RETURNS TABLE (ordinal bigint, job_id bigint, job_state mainspring.job_state, job_priority smallint,
    job_run_at timestamptz)
LANGUAGE plpgsql
AS $$
DECLARE
    keys text[] := ARRAY(SELECT j.key FROM unnest(jobs) AS j);
    ids bigint[] := ARRAY(SELECT nextval('mainspring.jobs_id_seq') FROM generate_series(1, cardinality(jobs)));
    added bigint;
BEGIN
    PERFORM mainspring.lock_jobs_with_keys(keys);

    RETURN QUERY SELECT * FROM mainspring.add_free_jobs(ids, jobs, moment);
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added = cardinality(jobs) THEN
        RETURN;
    END IF;

    IF NOT patient AND mainspring.are_keys_held(keys) THEN
        RAISE EXCEPTION USING ERRCODE = 'MS001', MESSAGE = 'another transaction holds a job with one of the keys';
    END IF;

    RETURN QUERY
    SELECT s.ord, o.id, o.state, o.priority, o.run_at
    FROM (SELECT r.* FROM mainspring.job_rows(jobs, moment) AS r
        WHERE NOT EXISTS (SELECT FROM mainspring.jobs AS j WHERE j.id = ids[r.ord])
        ORDER BY (r.job).key, r.ord) AS s
    CROSS JOIN LATERAL mainspring.enqueue_one(ids[s.ord], s.job, moment) AS o;
END $$;
