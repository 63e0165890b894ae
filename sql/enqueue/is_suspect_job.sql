-- Returns whether `jobs_problem` must look closer at a new job, which takes ten times as long. Nearly every job is good.
--
-- Without an exponent, the text of a payload is read back with half as many bytes more at most. A number that is too large has 309
-- digits, and 128 levels of nesting have 256 brackets. An escape may stand for what no text holds.
CREATE OR REPLACE FUNCTION mainspring.is_suspect_job(
    task text, payload text, queue text, run_at timestamptz, priority integer, max_attempts integer, key text, key_mode text,
    flags text[])
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN mainspring.validate_job(task, queue, run_at, priority, max_attempts, key, key_mode) IS NOT NULL
    OR flags IS NOT NULL OR octet_length(payload) > 600 OR (strpos(payload, chr(92)) > 0 AND strpos(payload, chr(92) || 'u') > 0)
    OR ((strpos(payload, 'e') > 0 OR strpos(payload, 'E') > 0) AND payload ~ '[0-9.][eE]')
    OR (octet_length(payload) >= 256 AND (payload ~ '[0-9]{40}'
        OR octet_length(payload) - octet_length(replace(replace(payload, '[', ''), '{', '')) > 127));
