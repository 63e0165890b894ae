-- Returns the trace context in the text of a header `traceparent`, as version 00 of W3C's Trace Context writes it. NULL if it is
-- malformed: by W3C's rule it is then ignored, and the job starts a trace of its own.
--
-- A later version may add to the text. Of its flags those remain that version 00 knows: sampled, and a random id. A regular
-- expression would take twice as long.
CREATE OR REPLACE FUNCTION mainspring.trace_context_of(traceparent text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN translate(left(traceparent, 55), '0123456789abcdef', '') = '---'
        AND substr(traceparent, 3, 1) || substr(traceparent, 36, 1) || substr(traceparent, 53, 1) = '---'
        AND (char_length(traceparent) = 55 OR (left(traceparent, 2) <> '00' AND substr(traceparent, 56, 1) = '-'))
        AND left(traceparent, 2) <> 'ff' AND substr(traceparent, 4, 32) <> '00000000000000000000000000000000'
        AND substr(traceparent, 37, 16) <> '0000000000000000'
    THEN '00' || substr(traceparent, 3, 51) || '0' || translate(substr(traceparent, 55, 1), '456789abcdef', '012301230123') END;
