-- Returns whether a job goes on waiting for a parent that has ended like this; NULL: it has not ended.
CREATE OR REPLACE FUNCTION mainspring.is_open_wait(ending text, on_failure text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ending IS NULL OR (ending <> 'succeeded' AND on_failure = 'hold');
