//! What a scheduler holds that has nothing to do: a connection that listens, one for heartbeats, and one for all else.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use mainspring::{NewSchedule, schedules};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::statements::until_notified;
use crate::support::waiting::{PATIENCE, until};

// The start may use more connections at once. They are cut, and all that is used from then on is new; only the one
// that listens is left.
const LISTENS: &str = "application_name LIKE 'mainspring listen %'";
const OURS: &str =
    "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'mainspring %' AND";
const SINCE_THE_CUT: &str = "backend_start > (SELECT at FROM cut)";

fn cut_all_but_the_listener(database: &TestDatabase) {
    let mut conn = database.connection();
    conn.batch_execute("DROP TABLE IF EXISTS cut; CREATE TABLE cut AS SELECT clock_timestamp() AS at, NULL::timestamptz AS announced")
        .unwrap();
    let old = format!("{OURS} NOT {LISTENS} AND NOT {SINCE_THE_CUT}");
    let deadline = Instant::now() + PATIENCE;
    // One that was being made has no name yet, and is seen later.
    while count(&mut conn, &old) > 0 {
        assert!(Instant::now() < deadline, "connections are left that were to be cut");
        conn.batch_execute(&format!("SELECT pg_terminate_backend(pid, 1000) FROM {old}")).unwrap();
    }
}

// On a machine that is busy, what is done one after the other at rest may fall together, as may the look that follows a
// lost connection; it is done side by side then. A scheduler that always uses more connections does so in each trial.
#[derive(Default)]
struct Trials {
    counted: Vec<i64>,
}

impl Trials {
    fn go_on(&self, expected: i64) -> bool {
        let found = self.counted.last() == Some(&expected);
        assert!(found || self.counted.len() < 5, "connections used: {:?}, expected {expected}", self.counted);
        !found
    }

    fn count(&mut self, database: &TestDatabase, used: &str) {
        self.counted.push(count(&mut database.connection(), used));
    }
}

#[tokio::test]
async fn polls_and_heartbeats_use_two_connections_besides_the_one_that_listens() {
    let database = TestDatabase::new();
    let count_rounds = "CREATE SEQUENCE rounds; \
        CREATE FUNCTION count_round() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN PERFORM nextval('public.rounds'); RETURN NULL; END $$; \
        CREATE TRIGGER count_round AFTER UPDATE ON mainspring.jobs FOR EACH STATEMENT EXECUTE FUNCTION count_round()";
    database.connection().batch_execute(count_rounds).unwrap();
    let (builder, _started) = scheduler(&database);
    let builder = builder.poll_interval(Duration::from_millis(100)).heartbeat_timeout(Duration::from_secs(5));
    let scheduler = builder.start().await.unwrap();
    until(&database, "rounds WHERE last_value > 20", 1).await;
    let mut trials = Trials::default();
    while trials.go_on(2) {
        cut_all_but_the_listener(&database);
        database.connection().batch_execute("SELECT setval('rounds', 1)").unwrap();
        // Each poll promotes and claims.
        until(&database, "rounds WHERE last_value > 20", 1).await;
        until(&database, "mainspring.workers, cut WHERE heartbeat_at > at + interval '1 s'", 1).await;
        trials.count(&database, &format!("{OURS} {SINCE_THE_CUT}"));
    }
    until(&database, &format!("{OURS} {LISTENS}"), 1).await;
    scheduler.stop().await;
}

#[tokio::test]
async fn a_query_for_due_schedules_uses_the_connection_of_the_polls() {
    let database = TestDatabase::new();
    let yearly = NewSchedule::new("yearly", "act", "0 0 1 1 *").payload(json!({"act": "go"}));
    schedules::create(&mut database.connection(), &yearly).unwrap();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_secs(15)).start().await.unwrap();
    until(&database, "mainspring.schedules WHERE next_fire_at IS NOT NULL", 1).await;
    until(&database, &format!("{OURS} {LISTENS}"), 1).await;
    let looks =
        format!("{OURS} query LIKE '%least(next_fire_at, %' AND query_start > (SELECT announced FROM cut)");
    let mut trials = Trials::default();
    while trials.go_on(1) {
        cut_all_but_the_listener(&database);
        // A round at the gates of a queue, as a poll makes it.
        let queue = format!("none {}", trials.counted.len());
        until_notified(&database, &queue).await;
        // What a connection did last is all that can be seen of it, so the query is requested until it is the last.
        database.connection().batch_execute("UPDATE cut SET announced = clock_timestamp()").unwrap();
        let deadline = Instant::now() + PATIENCE;
        while count(&mut database.connection(), &looks) == 0 {
            assert!(Instant::now() < deadline, "no look at schedules");
            database
                .connection()
                .batch_execute("SELECT pg_notify(mainspring.channel(), 'schedules')")
                .unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        trials.count(&database, &format!("{OURS} {SINCE_THE_CUT} AND query NOT LIKE '%mainspring.workers%'"));
    }
    scheduler.stop().await;
}

#[tokio::test]
async fn what_a_look_at_schedules_finds_due_is_stored_durably() {
    let database = TestDatabase::new();
    let write_commits_down = "CREATE TABLE commits (durability text); \
        CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            INSERT INTO public.commits VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$; \
        CREATE TRIGGER write_down AFTER INSERT ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION write_down()";
    database.connection().batch_execute(write_commits_down).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let each_second = NewSchedule::new("often", "act", "* * * * * *").payload(json!({"act": "go"}));
    schedules::create(&mut database.connection(), &each_second).unwrap();
    started.next().await;
    started.next().await;
    scheduler.stop().await;
    until(&database, "commits WHERE durability <> 'on'", 0).await;
    until(&database, "(SELECT FROM commits LIMIT 1) AS any_commit", 1).await;
}
