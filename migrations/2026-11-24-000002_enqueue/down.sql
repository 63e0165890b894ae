-- Takes the enqueueing functions away; the jobs stay.
DROP FUNCTION mainspring.remove_job(text);
DROP FUNCTION mainspring.add_job(text, jsonb, text, timestamptz, integer, text, integer, text[], text);
DROP FUNCTION mainspring.enqueue(text[], text[], text[], timestamptz[], integer[], integer[], text[], text[], text[], boolean);
DROP FUNCTION mainspring.enqueue_keyed(text[], text[], text[], timestamptz[], integer[], integer[], text[], text[], text[], timestamptz);
DROP FUNCTION mainspring.try_enqueue_keyed(text[], text[], text[], timestamptz[], integer[], integer[], text[], text[], text[], timestamptz, boolean);
DROP FUNCTION mainspring.wake(integer, timestamptz, text[], boolean, boolean);
DROP FUNCTION mainspring.enqueue_one(bigint, text, jsonb, text, timestamptz, smallint, smallint, text, text, text[]);
DROP FUNCTION mainspring.jobs_asked_for(text[], text[], text[], timestamptz[], integer[], integer[], text[], text[], text[], timestamptz);
DROP FUNCTION mainspring.flags_of(text);
DROP FUNCTION mainspring.flags_problem(text);
DROP FUNCTION mainspring.problem_of(text, text, text, integer, integer, text, text);
DROP FUNCTION mainspring.payload_limit();
