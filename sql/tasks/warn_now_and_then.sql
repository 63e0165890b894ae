-- Warns of unknown tasks as `warn_of_unknown_tasks` does, and looks at the same tasks once a minute in a session: a trigger may add
-- a job for each of many rows. A session that adds jobs of very many tasks is not warned of all.
CREATE OR REPLACE FUNCTION mainspring.warn_now_and_then(tasks text[])
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    this_minute text := to_char(mainspring.now() AT TIME ZONE 'UTC', 'HH24MI');
    look text := format(' %s', tasks);
    looked text := current_setting('mainspring.tasks_looked_up', true);
BEGIN
    IF looked IS NULL OR NOT starts_with(looked, this_minute) THEN
        looked := this_minute;
    END IF;
    IF strpos(looked, look) = 0 AND octet_length(looked) < 4000 THEN
        PERFORM set_config('mainspring.tasks_looked_up', looked || left(look, 1000), false);
        PERFORM mainspring.warn_of_unknown_tasks(tasks);
    END IF;
END $$;
