-- Returns whether the time-out of a worker with this last heartbeat is not over. No time of a restored row is out of the range in
-- which the server computes.
--
-- Everything that looks at living workers calls it. It reads no table, so roles that may read only a view may call it, and the
-- server inlines it. Rescues decide by the gaps of the rescuer too, see src/store/presence.rs.
CREATE OR REPLACE FUNCTION mainspring.is_alive(heartbeat_at timestamptz, timeout interval)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN heartbeat_at >= mainspring.now() - least(timeout, interval '100 years');
