-- Takes the functions that change queues and tasks away; their rows stay.
DROP FUNCTION mainspring.remove_unused_queues(bigint);
DROP FUNCTION mainspring.resume_task(text);
DROP FUNCTION mainspring.pause_task(text);
DROP TRIGGER paused_tasks_changed ON mainspring.paused_tasks;
DROP FUNCTION mainspring.paused_tasks_changed();
DROP FUNCTION mainspring.resume_queue(text);
DROP FUNCTION mainspring.pause_queue(text);
DROP FUNCTION mainspring.set_queue(text, bigint, bigint, interval);
DROP FUNCTION mainspring.queue_problem(text, bigint, bigint, interval);
DROP TRIGGER queue_removed ON mainspring.queues;
DROP TRIGGER queue_changed ON mainspring.queues;
DROP TRIGGER queue_added ON mainspring.queues;
DROP FUNCTION mainspring.queue_changed();
