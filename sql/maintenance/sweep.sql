-- Carries out `change` for the first rows that `candidates` finds, at most `most`. Passes over rows that another transaction holds.
--
-- `candidates` is a query of keys as text, and `change` a statement for the keys in $1. The rows are changed together. After an
-- error, each row is changed in a subtransaction of its own. So a row that cannot be changed keeps none of the others.
--
-- Returns how many rows were changed, how many cannot be changed, and the key of the first of them with the reason. It gives
-- up after 20 waits for a lock, such as one on the whole table.
CREATE OR REPLACE FUNCTION mainspring.sweep(candidates text, change text, most bigint, OUT done bigint, OUT stuck bigint, OUT problem text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET lock_timeout = '100ms'
AS $$
DECLARE
    keys text[];
    candidate text;
    changed bigint;
    waits integer := 0;
BEGIN
    SELECT 0, 0 INTO done, stuck;
    BEGIN
        EXECUTE format('SELECT ARRAY(%s LIMIT $1 FOR UPDATE SKIP LOCKED)', candidates) INTO keys USING most;
        EXECUTE change USING keys;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done > 0 OR cardinality(keys) = 0 THEN
            RETURN;
        END IF;
    EXCEPTION WHEN OTHERS THEN
        waits := CASE SQLSTATE WHEN '55P03' THEN 1 ELSE 0 END;
    END;
    FOR candidate IN EXECUTE candidates || ' FOR UPDATE SKIP LOCKED' LOOP
        EXIT WHEN done >= most OR waits >= 20;
        BEGIN
            EXECUTE change USING ARRAY[candidate];
            GET DIAGNOSTICS changed = ROW_COUNT;
            IF changed = 0 THEN
                RAISE EXCEPTION 'a trigger keeps the row as it is';
            END IF;
            done := done + 1;
        EXCEPTION WHEN OTHERS THEN
            stuck := stuck + 1;
            problem := coalesce(problem, format('`%s`: %s', candidate, SQLERRM));
            waits := waits + CASE SQLSTATE WHEN '55P03' THEN 1 ELSE 0 END;
        END;
    END LOOP;
END $$;
