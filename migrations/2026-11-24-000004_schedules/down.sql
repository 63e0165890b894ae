-- Takes schedules and their fires away; jobs that they have added stay.
DROP FUNCTION mainspring.trigger_schedule(text);
DROP FUNCTION mainspring.fire_schedules(bigint[], timestamptz[], timestamptz[], boolean[], boolean);
DROP FUNCTION mainspring.delete_schedule(text);
DROP FUNCTION mainspring.resume_schedule(text);
DROP FUNCTION mainspring.pause_schedule(text);
DROP FUNCTION mainspring.update_schedule(text, jsonb);
DROP FUNCTION mainspring.create_schedule(text, text, text, jsonb, text, text, integer, integer, text, text, integer,
    timestamptz, timestamptz, integer, boolean);
DROP FUNCTION mainspring.write_schedule(text, jsonb, boolean);
DROP FUNCTION mainspring.schedule_problem(mainspring.schedules);
DROP FUNCTION mainspring.tell_schedules_changed();
DROP VIEW mainspring.schedules_view;
DROP TABLE mainspring.schedule_fires;
DROP TABLE mainspring.schedules;
