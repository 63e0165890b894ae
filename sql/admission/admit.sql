-- Admits the best parked jobs of each named queue, as many as it has room and tokens for. Never waits for a row. Returns a
-- row for each queue:
--
-- - `admitted` jobs, their smallest priority and first turn, their tasks, and whether any has flags;
-- - `locked` if another session held the queue's row: the caller tries again shortly;
-- - `token_in`: after how many milliseconds the next token comes that a parked job waits for;
-- - `scanned`: false if the queue was locked or paused, or had no room or token, so that nothing is known of its parked jobs;
-- - `first_run_at`, of the first job admitted, and `row_at`, where the queue's row is now.
--
-- Turns make admission fair. The jobs of one queue get turns 10 ms apart. They begin with the first turn for which any job of
-- the tasks `known` waits, or one turn later if this queue has had that one. A queue's next job therefore comes after at most
-- one job of each other queue. `from_priority` and `from_turn` are where ready jobs begin.
--
-- Dead rows are not read again while an old snapshot keeps them.
--
-- - Slots are numbered under the queue's lock. Counting begins at the smallest number that was open at the last admission.
-- - `parked_priorities` and `parked_run_ats` say before which position the caller knows of no parked job of each queue.
-- - A queue's row moves with each admission. `rows_at` says where the caller last saw it.
CREATE OR REPLACE FUNCTION mainspring.admit(
    names text[], known text[] DEFAULT NULL, from_priority smallint DEFAULT NULL, from_turn timestamptz DEFAULT NULL,
    parked_priorities smallint[] DEFAULT NULL, parked_run_ats timestamptz[] DEFAULT NULL, rows_at tid[] DEFAULT NULL)
RETURNS SETOF mainspring.admission
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen record;
    done record;
    round_of smallint;
    round_at timestamptz;
BEGIN
    FOR seen IN
        SELECT DISTINCT ON (n) n AS queue, coalesce(p, mainspring.first_priority()) AS priority,
            coalesce(r, '-infinity') AS run_at, t AS row_at
        FROM unnest(names, parked_priorities, parked_run_ats, rows_at) AS u(n, p, r, t) WHERE n IS NOT NULL ORDER BY n, 2, 3
    LOOP
        done := mainspring.admit_queue(seen.queue, seen.row_at, seen.priority, seen.run_at, known, from_priority, from_turn,
            round_of, round_at);
        round_of := done.round_of;
        round_at := done.round_at;
        RETURN NEXT done.result;
    END LOOP;
END $$;
