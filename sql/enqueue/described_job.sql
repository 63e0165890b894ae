-- Returns the new job that an object of `add_jobs` describes, whose form is right.
CREATE OR REPLACE FUNCTION mainspring.described_job(spec jsonb)
RETURNS mainspring.new_job
LANGUAGE sql STABLE
RETURN ROW(spec ->> 'task', mainspring.payload_text(nullif(spec -> 'payload', 'null')), spec ->> 'queue',
    mainspring.parse_timestamp(spec ->> 'run_at'), (spec ->> 'priority')::numeric::integer,
    (spec ->> 'max_attempts')::numeric::integer, spec ->> 'key', spec ->> 'key_mode',
    CASE WHEN jsonb_typeof(spec -> 'flags') = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text(spec -> 'flags')) END,
    coalesce(spec ->> 'trace_context', mainspring.session_trace_context()),
    (spec ->> 'version')::numeric::integer)::mainspring.new_job;
