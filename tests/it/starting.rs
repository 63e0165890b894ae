//! A job for which a slot is free is started by the statement that stores it; any other waits for its claim.

use std::time::{Duration, Instant};

use chrono::Utc;
use diesel::connection::SimpleConnection;
use mainspring::{EnqueueMany, NewJob};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::{PATIENCE, until};

// Writes down in which state each job was stored.
const WRITE_BIRTHS_DOWN: &str = "
    CREATE TABLE births (act text, state text, attempts int);
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.births VALUES (NEW.payload->>'act', NEW.state, NEW.attempts);
        RETURN NULL;
    END $$;
    CREATE TRIGGER births AFTER INSERT ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION write_down();";

fn births(database: &TestDatabase, condition: &str) -> i64 {
    count(&mut database.connection(), &format!("public.births WHERE {condition}"))
}

#[tokio::test]
async fn a_job_is_born_running_where_a_slot_is_free_and_it_may_start_at_once() {
    let database = TestDatabase::new();
    database.connection().batch_execute(WRITE_BIRTHS_DOWN).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.concurrency(2).start().await.unwrap();
    until(&database, "mainspring.workers", 1).await;
    // Whatever else claims, as the start does, has to be over first.
    let began = Instant::now();
    while births(&database, "act = 'plain' AND state = 'running' AND attempts = 1") == 0 {
        assert!(began.elapsed() < PATIENCE, "none was born running");
        scheduler.enqueue(act("plain")).await.unwrap();
        assert_eq!(started.next().await.attempt, 1);
    }
    for job in [act("mails").queue("mails"), act("key").key("k"), act("now").run_at(Utc::now())] {
        scheduler.enqueue(job).await.unwrap();
        started.next().await;
    }
    let stranger = NewJob::new("unknown here", &serde_json::json!({"act": "unknown"}));
    scheduler.enqueue_many(vec![stranger]).await.unwrap();
    let three = vec![NewJob::try_from(act("three")).unwrap(); 3];
    scheduler.enqueue_many(three).await.unwrap();
    for _ in 0..3 {
        started.next().await;
    }
    until(&database, "mainspring.jobs WHERE task = 'act'", 0).await;
    scheduler.stop().await;
    assert_eq!(births(&database, "act <> 'plain' AND state <> 'running' AND attempts = 0"), 7);
}

#[tokio::test]
async fn one_bad_job_keeps_all_from_being_started_and_is_named() {
    let database = TestDatabase::new();
    let (builder, _started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let jobs: Vec<NewJob> = [act("good"), act("bad").max_attempts(0)]
        .into_iter()
        .map(|job| NewJob::try_from(job).unwrap())
        .collect();
    let refused = scheduler.queue_actor().unwrap().send(EnqueueMany { jobs }).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("max_attempts must be 1 to 32767, got 0"), "{refused}");
    scheduler.stop().await;
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
    assert_eq!(count(&mut database.connection(), "mainspring.history"), 0);
}

// A sequence counts on through a rollback: the first session that stores a job is cut off at its commit, and no other.
#[tokio::test]
async fn a_session_cut_off_while_it_starts_a_job_leaves_nothing_leased() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(Duration::from_secs(15)).start().await.unwrap();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE SEQUENCE commits; \
         CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('public.commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; \
             RETURN NULL; \
         END $$; \
         CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON mainspring.jobs \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();",
    )
    .unwrap();
    assert!(scheduler.enqueue(act("cut off")).await.is_err());
    scheduler.enqueue(act("after")).await.unwrap();
    assert_eq!(started.next().await.act, "after");
    until(&database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.workers"), 0);
}
