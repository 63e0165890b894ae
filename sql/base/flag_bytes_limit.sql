-- Returns how many bytes the flags of a job may have together. An entry of the index of flagged jobs holds the flags (7 bytes
-- more for each of 32) and the task (512 bytes), and PostgreSQL allows 2,704 bytes for it.
CREATE OR REPLACE FUNCTION mainspring.flag_bytes_limit()
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1600;
