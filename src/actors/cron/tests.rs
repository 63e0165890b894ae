//! Lines and schedules go by the clock of the database, however wrong the clock of the process is.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::rows::count;
use crate::server::TestDatabase;
use crate::{JobContext, JobResult, Scheduler, Task};

#[derive(Serialize, Deserialize)]
struct Tick {}

impl Task for Tick {
    const NAME: &'static str = "tick";
}

async fn tick(_: Tick, _: JobContext) -> JobResult {
    Ok(())
}

async fn fires_on_time_where_the_clock_is_ahead_by(ahead: TimeDelta) {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "SELECT mainspring.create_schedule('jitter', 'tick', '3-59/6 * * * * *', jitter_seconds := 2)",
    )
    .unwrap();
    let builder = Scheduler::builder(database.url()).handler(tick).poll_interval(Duration::from_secs(15));
    let builder = builder.crontab("*/6 * * * * * tick ?id=line").clock(Clock { ahead, ..Clock::default() });
    let scheduler = builder.start().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&mut conn, "mainspring.history") < 4 {
        assert!(Instant::now() < deadline, "nothing fires with a clock that is ahead by {ahead}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // The next fire of the two comes after 3 s, and the first poll after 13 s.
    let late = "mainspring.history WHERE finished_at - run_at > interval '2 seconds'";
    assert_eq!(count(&mut conn, late), 0, "ahead by {ahead}");
    let early = "mainspring.schedule_fires WHERE due_at > fired_at";
    assert_eq!(count(&mut conn, early), 0, "ahead by {ahead}");
    scheduler.stop().await;
}

#[tokio::test]
async fn a_process_whose_clock_is_wrong_fires_on_time() {
    tokio::join!(
        fires_on_time_where_the_clock_is_ahead_by(TimeDelta::hours(1)),
        fires_on_time_where_the_clock_is_ahead_by(TimeDelta::hours(-1))
    );
}

#[tokio::test]
async fn a_process_whose_clock_is_ahead_keeps_no_other_from_firing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let builder = || Scheduler::builder(database.url()).handler(tick).crontab("* * * * * * tick ?id=line");
    let wrong =
        builder().clock(Clock { ahead: TimeDelta::hours(1), ..Clock::default() }).start().await.unwrap();
    let right = builder().start().await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&mut conn, "mainspring.schedule_fires") < 3 {
        assert!(Instant::now() < deadline, "nothing fires");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    wrong.stop().await;
    let fired = count(&mut conn, "mainspring.schedule_fires");
    while count(&mut conn, "mainspring.schedule_fires") < fired + 2 {
        assert!(Instant::now() < deadline, "nothing fires any more");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    right.stop().await;
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE run_at > mainspring.now() + interval '1 minute'"), 0);
}
