-- Takes admission away; parked jobs stay parked.
DROP FUNCTION mainspring.admit(text[], text[], smallint, timestamptz, smallint[], timestamptz[], tid[]);
DROP FUNCTION mainspring.make_queue(text);
DROP FUNCTION mainspring.tokens_at(mainspring.queues, timestamptz);
