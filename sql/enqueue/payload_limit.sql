-- How many bytes the text of a payload may have: the setting mainspring.max_payload_bytes, by default 1 MiB.
CREATE OR REPLACE FUNCTION mainspring.payload_limit()
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('mainspring.max_payload_bytes', true), ''), '1048576')::bigint;
