-- Notifies listening workers that jobs are due, and with `soon` that others will be before the next slow poll.
--
-- - `job ORIGIN PRIORITY MILLISECONDS`: jobs outside of queues are due.
-- - `queue ORIGIN PRIORITY MILLISECONDS NAME`: jobs of this queue are due.
-- - `queues ORIGIN PRIORITY MILLISECONDS NAMES`: jobs of these queues are due. NAMES is a JSON array. It is left out where a
--   notification cannot hold it.
-- - `flagged ORIGIN`, in addition: jobs with flags may be among them.
-- - `soon ORIGIN`: jobs are due before the next slow poll. Later ones need no notification: a poll finds their time first.
--
-- ORIGIN is `notification_origin()`, by which a process recognises its own notifications. PRIORITY is the smallest one,
-- and MILLISECONDS the oldest run_at since 1970. A worker begins to read there.
CREATE OR REPLACE FUNCTION mainspring.wake(
    least_priority integer, oldest timestamptz, queues text[], soon boolean DEFAULT false, flagged boolean DEFAULT true)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    origin text := mainspring.notification_origin();
    hint text := format('%s %s %s', origin, least_priority, floor(extract(epoch FROM greatest(oldest, '0001-01-01 00:00:00+00')) * 1000)::bigint);
    named text[];
    names text;
BEGIN
    IF soon THEN
        PERFORM pg_notify(mainspring.channel(), 'soon ' || origin);
    END IF;
    IF oldest > mainspring.now() THEN
        RETURN;
    END IF;
    IF flagged THEN
        PERFORM pg_notify(mainspring.channel(), 'flagged ' || origin);
    END IF;
    IF queues IS NULL OR (cardinality(queues) = 1 AND array_position(queues, NULL) IS NOT NULL) THEN
        PERFORM pg_notify(mainspring.channel(), 'job ' || hint);
        RETURN;
    END IF;
    named := ARRAY(SELECT DISTINCT q FROM unnest(queues) AS q WHERE q IS NOT NULL);
    IF cardinality(named) = 1 THEN
        PERFORM pg_notify(mainspring.channel(), 'queue ' || hint || ' ' || named[1]);
    ELSE
        names := to_json(named)::text;
        PERFORM pg_notify(mainspring.channel(), 'queues ' || hint
            || CASE WHEN octet_length(names) <= 7000 THEN ' ' || names ELSE '' END) WHERE cardinality(named) > 0;
    END IF;
    IF array_position(queues, NULL) IS NOT NULL OR cardinality(queues) = 0 THEN
        PERFORM pg_notify(mainspring.channel(), 'job ' || hint);
    END IF;
END $$;
