//! Which process takes a job: one whose version of the task is not lower.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::queues::{self, QueueSettings, TaskLimit};
use mainspring::{Enqueue, JobContext, JobResult, NewJob, Task, Wait};
use serde::{Deserialize, Serialize};

use super::{First, Third, new, old};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::schedulers::SLOW_POLL;
use crate::support::waiting::until;

/// A task that both programs have in one version.
#[derive(Serialize, Deserialize)]
struct Other {}
impl Task for Other {
    const NAME: &'static str = "other";
}

async fn other(_: Other, _: JobContext) -> JobResult {
    Ok(())
}

fn mail() -> Enqueue<Third> {
    Enqueue::new(Third { recipients: vec!["ada".into()] })
}

/// A job of each shape that a claim reads in its own way.
fn of_every_shape() -> [Enqueue<Third>; 6] {
    [
        mail(),
        mail().queue("letters"),
        mail().flags(["big"]),
        mail().key("monthly"),
        mail().priority(-5),
        mail().run_in(Duration::from_millis(1)),
    ]
}

const UNTOUCHED: &str =
    "mainspring.jobs WHERE task = 'mail' AND state = 'ready' AND attempts = 0 AND version = 2";

#[tokio::test]
async fn an_old_process_leaves_newer_jobs_of_every_shape_alone() {
    for (case, limited) in [("one task", false), ("two tasks", false), ("a limit over all processes", true)] {
        let database = TestDatabase::new();
        let conn = &mut database.connection();
        if limited {
            queues::set_task_limit(conn, "mail", &TaskLimit::new().concurrency(5)).unwrap();
        }
        for job in of_every_shape() {
            job.insert(conn).unwrap();
        }
        let (builder, mut got) = old(&database);
        let builder = if case == "two tasks" { builder.handler(other) } else { builder };
        let old = builder.start().await.unwrap();
        // They are ready, and old ones run past them.
        until(&database, UNTOUCHED, 6).await;
        for n in 0..3 {
            let behind =
                Enqueue::new(First { to: n.to_string() }).priority(100).flags((n == 2).then_some("big"));
            behind.insert(conn).unwrap();
            assert_eq!(got.next().await, (0, n.to_string()), "{case}");
        }
        old.stop().await;
        assert_eq!(count(conn, UNTOUCHED), 6, "{case}");

        let (builder, mut got) = new(&database);
        let new = builder.start().await.unwrap();
        for _ in 0..6 {
            assert_eq!(got.next().await, (2, "ada".to_owned()), "{case}");
        }
        new.stop().await;
        assert_eq!(count(conn, "mainspring.history WHERE attempts <> 1"), 0, "{case}");
    }
}

#[tokio::test]
async fn a_child_of_a_newer_version_does_not_start_with_the_end_of_its_parent() {
    let database = TestDatabase::new();
    let (builder, mut got) = old(&database);
    let old = builder.start().await.unwrap();
    let parent =
        old.enqueue(Enqueue::new(First { to: "parent".into() }).run_in(Duration::from_millis(50))).await;
    mail().after(Wait::job(parent.unwrap())).insert(&mut database.connection()).unwrap();
    assert_eq!(got.next().await.1, "parent");
    until(&database, UNTOUCHED, 1).await;
    old.stop().await;
}

#[tokio::test]
async fn newer_jobs_that_an_old_process_makes_ready_start_elsewhere_at_once() {
    let database = TestDatabase::new();
    queues::set(&mut database.connection(), "letters", &QueueSettings::concurrency(2)).unwrap();
    // The old one alone promotes and admits: the new one has looked before, and hardly polls.
    let (builder, mut got) = new(&database);
    let new = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let (builder, _got) = old(&database);
    let old = builder.poll_interval(Duration::from_millis(50)).start().await.unwrap();
    for job in of_every_shape() {
        old.enqueue(job).await.unwrap();
        assert_eq!(got.next().await, (2, "ada".to_owned()));
    }
    old.stop().await;
    new.stop().await;
}

#[tokio::test]
async fn an_old_process_runs_its_jobs_beside_many_newer_ones() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, _) = new(&database);
    builder.start().await.unwrap().stop().await;
    conn.batch_execute(
        "INSERT INTO mainspring.jobs (task, version, state, run_at, payload) SELECT 'mail', 2, 'ready', now() - interval '1 hour', \
         '{\"recipients\": []}' FROM generate_series(1, 100000)",
    )
    .unwrap();
    conn.batch_execute("VACUUM ANALYZE mainspring.jobs").unwrap();
    let (builder, mut got) = old(&database);
    let old = builder.start().await.unwrap();
    for n in 0..5 {
        Enqueue::new(First { to: n.to_string() }).insert(conn).unwrap();
        assert_eq!(got.next().await, (0, n.to_string()));
    }
    old.stop().await;
    assert_eq!(count(conn, UNTOUCHED), 100_000);
}

#[tokio::test]
async fn the_newest_of_three_programs_runs_the_jobs_of_all() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    Enqueue::new(First { to: "ada".into() }).insert(conn).unwrap();
    NewJob::new("mail", &serde_json::json!({"address": "grace"})).version(1).insert(conn).unwrap();
    mail().insert(conn).unwrap();
    let (builder, mut got) = new(&database);
    let summary = builder.run_once().await.unwrap();
    assert_eq!(summary.succeeded, 3, "{summary}");
    let mut all = [got.next().await, got.next().await, got.next().await];
    all.sort();
    assert_eq!(all, [(0, "ada".into()), (1, "grace".into()), (2, "ada".to_owned())]);
}
