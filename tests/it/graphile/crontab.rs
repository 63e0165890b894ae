//! Crontab lines go on where Graphile Worker has left off.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::{JobContext, JobResult, Scheduler, Task};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::{assert_count, both, moved};
use crate::support::database::TestDatabase;
use crate::support::waiting::{reports, until};

#[derive(Serialize, Deserialize)]
struct Tick {}

impl Task for Tick {
    const NAME: &'static str = "tick";
}

async fn tick(_: Tick, job: JobContext) -> JobResult {
    let fire = job.cron().expect("a line has fired");
    let _ = job.data::<UnboundedSender<DateTime<Utc>>>().send(fire.due_at);
    Ok(())
}

fn known(conn: &mut PgConnection, values: &str) {
    conn.batch_execute(&format!("INSERT INTO graphile_worker._private_known_crontabs VALUES {values}"))
        .unwrap();
}

/// Starts a scheduler with this line, and returns for which times it has fired until nothing is left to make up for.
pub(super) async fn fires(database: &TestDatabase, lines: &str, expected: usize) -> Vec<DateTime<Utc>> {
    let (sender, mut ticks) = reports::<DateTime<Utc>>(&database.url());
    let builder = Scheduler::builder(database.url()).handler(tick).app_data(sender).concurrency(1);
    let scheduler = builder.crontab(lines).start().await.unwrap();
    let mut fired = Vec::new();
    for _ in 0..expected {
        fired.push(ticks.next().await);
    }
    until(database, "mainspring.schedules WHERE plan_after IS NULL AND next_fire_at > mainspring.now() AND making_up_until IS NULL", 1).await;
    until(database, "mainspring.jobs", 0).await;
    scheduler.stop().await;
    fired.extend(std::iter::from_fn(|| ticks.try_next()));
    fired
}

#[tokio::test]
async fn a_line_with_fill_makes_up_for_what_came_after_its_last_execution() {
    let (database, mut conn) = both();
    known(&mut conn, "('tick', now() - interval '9 days', date_trunc('hour', now()) - interval '3 hours')");
    assert_eq!(moved(&mut conn).lines, 1);
    assert_count(&mut conn, "graphile_worker._private_known_crontabs", 0);
    let hour = Utc::now().duration_trunc(TimeDelta::hours(1)).unwrap();
    let fired = fires(&database, "0 * * * * tick ?fill=1d", 3).await;
    assert_eq!(fired, [2, 1, 0].map(|hours| hour - TimeDelta::hours(hours)));
}

#[tokio::test]
async fn a_line_that_was_just_executed_is_not_repeated() {
    let (database, mut conn) = both();
    known(&mut conn, "('each', now() - interval '9 days', date_trunc('hour', now()))");
    assert_eq!(moved(&mut conn).lines, 1);
    assert_eq!(fires(&database, "0 * * * * tick ?id=each&fill=1d", 0).await.len(), 0);
}

#[tokio::test]
async fn a_line_that_was_never_executed_begins_when_it_was_known() {
    let (database, mut conn) = both();
    known(&mut conn, "('tick', date_trunc('hour', now()) - interval '90 minutes', NULL)");
    assert_eq!(moved(&mut conn).lines, 1);
    assert_eq!(fires(&database, "0 * * * * tick ?fill=1d", 2).await.len(), 2);
}

#[tokio::test]
async fn a_line_without_fill_goes_on_from_the_start_as_there() {
    let (database, mut conn) = both();
    known(&mut conn, "('tick', now() - interval '9 days', date_trunc('hour', now()) - interval '3 hours')");
    moved(&mut conn);
    assert_eq!(fires(&database, "0 * * * * tick", 0).await.len(), 0);
}

#[tokio::test]
async fn a_zone_whose_clock_changes_in_the_gap_fires_each_time_once() {
    let (database, mut conn) = both();
    // The clock in Berlin was turned back on 2026-10-25 at 1:00 UTC, so 2:30 came twice there.
    known(&mut conn, "('tick', '2026-01-01+00', '2026-10-24 00:30+00')");
    moved(&mut conn);
    let fired = fires(&database, "30 2 25 10 * tick ?fill=200w&tz=Europe/Berlin", 1).await;
    assert!(fired.iter().all(|fire| fire.to_rfc3339().ends_with("T00:30:00+00:00")), "{fired:?}");
    assert_eq!(fired.first().unwrap().to_rfc3339(), "2026-10-25T00:30:00+00:00");
}

#[test]
fn a_second_import_takes_the_later_execution() {
    let (_database, mut conn) = both();
    known(&mut conn, "('tick', '2026-02-01+00', '2026-03-01+00')");
    moved(&mut conn);
    // A worker that was not stopped has executed it again.
    known(&mut conn, "('tick', '2026-04-01+00', '2026-04-01+00')");
    assert_eq!(moved(&mut conn).lines, 1);
    assert_count(
        &mut conn,
        "mainspring.schedules WHERE created_at = '2026-02-01+00' AND last_fire_at = '2026-04-01+00'",
        1,
    );
    known(&mut conn, "('tick', '2026-02-01+00', NULL)");
    moved(&mut conn);
    assert_count(&mut conn, "mainspring.schedules WHERE last_fire_at = '2026-04-01+00'", 1);
}

#[test]
fn a_line_that_is_planned_here_goes_on_behind_its_last_execution() {
    let (_database, mut conn) = both();
    conn.batch_execute(
        "INSERT INTO mainspring.schedules (owner, name, task, expression, zone, payload, catch_up, overlap, jitter_seconds, paused, \
             next_fire_at) SELECT 'code', n, 'tick', '* * * * *', 'UTC', '{}', 0, 'allow', 0, false, '2026-03-01 10:01+00' \
             FROM unnest(ARRAY['due', 'later']) AS n",
    )
    .unwrap();
    known(
        &mut conn,
        "('due', '2026-02-01+00', '2026-03-01 10:01+00'), ('later', '2026-02-01+00', '2026-03-01 10:00+00')",
    );
    moved(&mut conn);
    let planned = "mainspring.schedules WHERE name = 'due' AND next_fire_at IS NULL AND plan_after = '2026-03-01 10:01+00'";
    assert_count(&mut conn, planned, 1);
    let kept = "mainspring.schedules WHERE name = 'later' AND next_fire_at = '2026-03-01 10:01+00' AND plan_after IS NULL";
    assert_count(&mut conn, kept, 1);
}
