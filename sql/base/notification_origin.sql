-- Returns who makes a change, as the notifications about it name that process: the setting mainspring.origin, or `-` without one.
CREATE OR REPLACE FUNCTION mainspring.notification_origin()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(nullif(current_setting('mainspring.origin', true), ''), '-');
