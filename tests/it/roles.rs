//! Roles: nothing is granted by default, and each granted role may do its work and nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::history::{self, HistoryFilter};
use mainspring::jobs::{self, JobFilter, insert_many, remove};
use mainspring::{Scheduler, StartPolicy, queues, status, workers};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler_on;
use crate::support::waiting::until;

mod catalogue;
mod work;

/// A role of the server that may log in, gone at the end.
pub(crate) struct Role<'a> {
    pub(crate) name: String,
    database: &'a TestDatabase,
}

impl<'a> Role<'a> {
    pub(crate) fn new(database: &'a TestDatabase, kind: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mainspring_{kind}_{}_{number}", std::process::id());
        let create = format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'");
        database.connection().batch_execute(&create).unwrap();
        Self { name, database }
    }

    pub(crate) fn granted(database: &'a TestDatabase, kind: &str) -> Self {
        let role = Self::new(database, kind);
        let grant = format!("SELECT mainspring.grant_{kind}('{}')", role.name);
        database.connection().batch_execute(&grant).unwrap();
        role
    }

    pub(crate) fn connection(&self) -> PgConnection {
        let mut conn = self.database.connection();
        conn.batch_execute(&format!("SET SESSION AUTHORIZATION {}", self.name)).unwrap();
        conn
    }

    pub(crate) fn url(&self) -> String {
        let url = self.database.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        format!("{scheme}://{}:secret@{place}", self.name)
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        let _ = self.database.connection().batch_execute(&format!("DROP OWNED BY {name}; DROP ROLE {name}"));
    }
}

fn assert_denied(conn: &mut PgConnection, statement: &str) {
    let refused = conn.batch_execute(statement).expect_err(statement);
    assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
}

#[test]
fn by_default_nothing_is_granted_to_anyone() {
    let database = TestDatabase::new();
    let public = "pg_proc AS p CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a \
        WHERE p.pronamespace = 'mainspring'::regnamespace AND a.grantee <> p.proowner";
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, public), 0);
    let relations = "pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a \
        WHERE c.relnamespace = 'mainspring'::regnamespace AND a.grantee <> c.relowner";
    assert_eq!(count(&mut conn, relations), 0);
    let role = Role::new(&database, "stranger");
    assert_denied(&mut role.connection(), "SELECT mainspring.add_job('t')");
}

#[test]
fn an_enqueueing_role_adds_and_takes_back_and_can_do_nothing_else() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let mut conn = role.connection();
    conn.batch_execute("SELECT mainspring.add_job('note', key => 'k', queue => 'q')").unwrap();
    conn.batch_execute("SELECT mainspring.add_jobs('[{\"task\": \"note\"}]')").unwrap();
    act("a").key("k2").insert(&mut conn).unwrap();
    insert_many(&mut conn, &[act("b").try_into().unwrap()]).unwrap();
    assert!(remove(&mut conn, "k2").unwrap().is_some());
    for statement in [
        "SELECT id FROM mainspring.jobs",
        "SELECT * FROM mainspring.jobs_view",
        "SELECT * FROM mainspring.history_view",
        "INSERT INTO mainspring.jobs (task, state, run_at) VALUES ('t', 'ready', now())",
        "DELETE FROM mainspring.jobs",
        "SELECT mainspring.delete_jobs('{1}')",
        "SELECT mainspring.cancel_jobs('{1}')",
        "SELECT mainspring.admit('{q}')",
        "SELECT mainspring.prepare_history()",
        "SELECT mainspring.drop_history('0')",
        "SELECT mainspring.grant_worker(current_user)",
        "CREATE TABLE mainspring.mine ()",
    ] {
        assert_denied(&mut conn, statement);
    }
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 3);
}

#[test]
fn a_reading_role_sees_everything_but_payloads_and_changes_nothing() {
    let database = TestDatabase::new();
    let id = act("secret").insert(&mut database.connection()).unwrap();
    let role = Role::granted(&database, "read");
    let mut conn = role.connection();
    assert_eq!(jobs::list(&mut conn, &JobFilter::default()).unwrap()[0].id, id);
    assert_eq!(status::read(&mut conn).unwrap().jobs.ready, 1);
    assert!(history::list(&mut conn, &HistoryFilter::default()).unwrap().is_empty());
    mainspring::database::verify(&mut conn).unwrap();
    conn.batch_execute("SELECT * FROM mainspring.jobs_view; SELECT * FROM mainspring.history_view").unwrap();
    for statement in [
        "SELECT payload FROM mainspring.jobs",
        "SELECT mainspring.add_job('t')",
        "SELECT mainspring.delete_jobs('{1}')",
        "UPDATE mainspring.jobs SET priority = 1",
        "DELETE FROM mainspring.workers",
    ] {
        assert_denied(&mut conn, statement);
    }
}

#[tokio::test]
async fn a_worker_role_that_owns_nothing_runs_and_administers() {
    let database = TestDatabase::new();
    let mut owner = database.connection();
    // As if it had last run long ago: the partitions of today are missing, and an old one is left.
    owner
        .batch_execute(
            "DO $$ DECLARE p text; BEGIN FOR p IN SELECT inhrelid::regclass::text FROM pg_inherits \
             WHERE inhparent = 'mainspring.history'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$; \
             SELECT mainspring.prepare_history(now() - interval '30 days')",
        )
        .unwrap();
    let role = Role::granted(&database, "worker");
    let (builder, _started) = scheduler_on(&role.url());
    let scheduler =
        builder.without_migrations().crontab("0 0 1 1 * act {act: 'yearly'}").start().await.unwrap();
    scheduler.enqueue(act("done")).await.unwrap();
    scheduler.enqueue(act("done").queue("q")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 2).await;
    let old = "pg_class WHERE relname LIKE 'history_%' AND relispartition AND relkind = 'r' \
        AND to_date(right(relname, 8), 'YYYYMMDD') < current_date - 7";
    until(&database, old, 0).await;
    scheduler.stop().await;

    let mut conn = role.connection();
    let id = act("a").insert(&mut conn).unwrap();
    assert!(jobs::fail(&mut conn, &[id], None).unwrap()[0].result.was_done());
    assert!(jobs::retry(&mut conn, &[id], None).unwrap()[0].result.was_done());
    assert!(jobs::complete(&mut conn, &[id], None).unwrap()[0].result.was_done());
    workers::release_lost(&mut conn).unwrap();
    queues::remove_unused(&mut conn).unwrap();
    for statement in [
        "DROP TABLE mainspring.jobs",
        "CREATE TABLE mainspring.mine ()",
        "DELETE FROM mainspring.__diesel_schema_migrations",
        "SELECT mainspring.grant_read('public')",
    ] {
        let refused = conn.batch_execute(statement).expect_err(statement).to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{refused}");
    }
    let missing = Scheduler::builder(Role::new(&database, "nobody").url())
        .without_migrations()
        .start_policy(StartPolicy::FailAtOnce)
        .start()
        .await;
    assert!(missing.is_err());
}

#[test]
fn what_was_granted_can_be_taken_back() {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "worker");
    let mut owner = database.connection();
    for kind in ["worker", "enqueue", "read"] {
        owner.batch_execute(&format!("SELECT mainspring.grant_{kind}('{}')", role.name)).unwrap();
    }
    owner.batch_execute(&format!("SELECT mainspring.revoke_grants('{}')", role.name)).unwrap();
    assert_denied(&mut role.connection(), "SELECT mainspring.add_job('t')");
    // Nothing is left that would keep the role from being dropped.
    owner.batch_execute(&format!("DROP ROLE {}", role.name)).unwrap();
}

#[test]
fn a_trigger_of_a_table_adds_jobs_for_any_role_that_writes_to_it() {
    let database = TestDatabase::new();
    let mut owner = database.connection();
    owner
        .batch_execute(
            "CREATE TABLE invoices (id int PRIMARY KEY); \
             CREATE FUNCTION send_invoice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 PERFORM mainspring.add_job('invoice.send', jsonb_build_object('invoice', NEW.id), key => 'invoice:' || NEW.id); \
                 RETURN NULL; END $$; \
             CREATE TRIGGER send_invoice AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION send_invoice();",
        )
        .unwrap();
    let role = Role::granted(&database, "enqueue");
    owner.batch_execute(&format!("GRANT INSERT ON invoices TO {}", role.name)).unwrap();
    let mut conn = role.connection();
    conn.batch_execute("INSERT INTO invoices VALUES (1), (2)").unwrap();
    conn.batch_execute("BEGIN; INSERT INTO invoices VALUES (3); ROLLBACK").unwrap();
    assert_eq!(count(&mut owner, "mainspring.jobs WHERE task = 'invoice.send' AND key LIKE 'invoice:%'"), 2);
    owner.batch_execute("DROP TABLE invoices CASCADE").unwrap();
}
