//! Log lines and events report the state that the row has reached, each on one line. Snoozes are counted.

use std::sync::Arc;
use std::time::Duration;

use mainspring::{Enqueue, Event, JobContext, JobError, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::{end, ending};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::logs;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::{in_time, until, until_true};

#[actix_web::test]
async fn a_superseded_job_that_fails_or_snoozes_is_reported_as_dead() {
    logs::keep();
    for (how, error) in [
        ("at gate, then fail", "superseded: disk on fire"),
        ("at gate, then snooze", "superseded: it snoozed"),
    ] {
        let database = TestDatabase::new();
        let gate = Arc::new(Semaphore::new(0));
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.app_data(Arc::clone(&gate)).start().await.unwrap();
        let mut events = scheduler.events();
        // The number tells its log line from those of other tests.
        database_starts_at(&database, 7_000_000 + how.len() as i64 * 1_000);
        let old = scheduler.enqueue(act(how).key("k")).await.unwrap();
        started.next().await;
        scheduler.enqueue(act("go").key("k")).await.unwrap();
        started.next().await;
        gate.add_permits(1);
        let reported = loop {
            let event = in_time(&database.url(), "the event of the dead job", events.next()).await.unwrap();
            match event {
                Event::JobDead { job, error, .. } => break (job.id, error),
                Event::JobFailed { .. } | Event::JobSnoozed { .. } => panic!("{event:?}"),
                _ => {}
            }
        };
        assert_eq!(reported, (old, error.to_owned()));
        assert_eq!(
            count(&mut database.connection(), &format!("mainspring.jobs WHERE last_error = '{error}'")),
            1
        );
        let lines = logs::with(&format!("job {old} "));
        assert!(lines.iter().any(|line| line.starts_with("ERROR") && line.contains("is dead")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("next in")), "{lines:?}");
        scheduler.stop().await;
    }
}

fn database_starts_at(database: &TestDatabase, id: i64) {
    use diesel::connection::SimpleConnection;
    let set = format!("SELECT setval('mainspring.jobs_id_seq', {id})");
    database.connection().batch_execute(&set).unwrap();
}

#[actix_web::test]
async fn a_rescue_says_why_a_job_is_dead() {
    use diesel::connection::SimpleConnection;
    logs::keep();
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "INSERT INTO mainspring.workers (name, tasks, timeout, heartbeat_at)
                 VALUES ('gone', '{gone}', '1 s', now() - interval '1 hour');
             INSERT INTO mainspring.jobs (id, task, state, run_at, attempts, lease, worker_id, locked_at, superseded, deaths)
                 SELECT 7654320 + n, 'gone', 'running', now(), 1, 7, w.id, now(), n = 1, 9 - n % 2 FROM mainspring.workers AS w, generate_series(0, 1) AS n",
        )
        .unwrap();
    let scheduler = ending(&database).start().await.unwrap();
    until(&database, "mainspring.jobs WHERE state = 'dead'", 2).await;
    for (job, why) in [
        ("job 7654320 ", "death 10 in a row: it may be what kills its workers"),
        ("job 7654321 ", "death 9 in a row: it was superseded"),
    ] {
        let line = || logs::with(job);
        until_true(&database, "the log line of the rescue", || !line().is_empty()).await;
        assert!(line()[0].ends_with(why), "{:?}", line());
    }
    scheduler.stop().await;
}

#[actix_web::test]
async fn hostile_texts_stay_on_their_log_line() {
    logs::keep();
    let database = TestDatabase::new();
    let forged = "forged-71\nERROR all is lost\r\u{1b}[2J\u{202e}";
    let scheduler = ending(&database).worker_name(forged).start().await.unwrap();
    for way in ["fail", "panic", "discard", "cancel"] {
        scheduler.enqueue(end(way, forged, 1)).await.unwrap();
    }
    until(&database, "mainspring.jobs WHERE state IN ('ready', 'running')", 0).await;
    scheduler.stop().await;
    let lines = logs::with("forged-71");
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        assert!(line.contains(r"forged-71\nERROR all is lost\r\u{1b}[2J\u{202e}"), "{line:?}");
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Patient {}

impl Task for Patient {
    const NAME: &'static str = "patient";
}

async fn wait_three_times(_: Patient, job: JobContext) -> JobResult {
    if job.snoozes() < 3 {
        return Err(JobError::snooze(Duration::ZERO));
    }
    Ok(())
}

#[actix_web::test]
async fn a_handler_can_count_its_snoozes() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).handler(wait_three_times).start().await.unwrap();
    scheduler.enqueue(Enqueue::new(Patient {})).await.unwrap();
    until(&database, "mainspring.history WHERE attempts = 1", 1).await;
    scheduler.stop().await;
}
