-- Takes the grant functions away; what was granted stays.
DROP FUNCTION mainspring.revoke_grants(name);
DROP FUNCTION mainspring.grant_worker(name);
DROP FUNCTION mainspring.grant_read(name);
DROP FUNCTION mainspring.grant_schedules(name);
DROP FUNCTION mainspring.grant_enqueue(name);
DROP FUNCTION mainspring.drop_history(interval);
DROP VIEW mainspring.history_view;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mainspring TO PUBLIC;
