-- Returns how many processes in a row a job has lost after an event.
--
-- Only the loss of its worker adds one. An attempt that ends in any other way shows that the job can end without that, and a
-- person who reschedules a job gives it a new start. A job that did not run keeps its number.
CREATE OR REPLACE FUNCTION mainspring.deaths_after(job mainspring.jobs, event text)
RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- A restored row may hold any number, or none.
    WHEN event = 'lost' THEN least(greatest((job).deaths, 0::smallint), 32766::smallint) + 1::smallint
    WHEN event IN ('untouched', 'postponed', 'set_apart', 'fail', 'release') THEN greatest((job).deaths, 0::smallint)
    ELSE 0::smallint
END;
