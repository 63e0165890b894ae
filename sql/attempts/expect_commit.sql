-- Bounds the time until the commit, of a transaction that has nothing else left to do. A process that is cut off before it may not
-- hold the row of its job for hours. A bound of the session stays as it is.
CREATE OR REPLACE FUNCTION mainspring.expect_commit()
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('idle_in_transaction_session_timeout') = '0' THEN
        PERFORM set_config('idle_in_transaction_session_timeout', '10s', true);
    END IF;
END $$;
