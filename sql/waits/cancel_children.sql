-- Cancels jobs that are not to outlive their parents. One that does not wait any more is left alone.
CREATE OR REPLACE FUNCTION mainspring.cancel_children(doomed mainspring.waits[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF doomed = '{}' THEN
        RETURN;
    END IF;
    PERFORM mainspring.move_or_isolate(ARRAY(
        SELECT mainspring.new_event(d.child, 'cancel', reason => format('job %s, for which it waited, %s', d.parent,
            CASE d.ending WHEN 'dead' THEN 'is dead' ELSE 'was ' || d.ending END))
        FROM (SELECT DISTINCT ON (c.child) c.* FROM unnest(doomed) AS c ORDER BY c.child, c.parent) AS d
        JOIN mainspring.jobs AS j ON j.id = d.child AND j.state = 'waiting' ORDER BY d.child), true);
END $$;
