-- Returns the trace context that a session or a transaction has set for what it adds in SQL, in triggers too:
-- SET LOCAL mainspring.trace_context = '00-..'. NULL without one.
CREATE OR REPLACE FUNCTION mainspring.session_trace_context()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('mainspring.trace_context', true), '');
