//! A schedule that replaces its waiting job runs in a queue that is always busy.

use mainspring::{NewSchedule, Overlap, schedules};
use serde_json::json;

use super::*;
use crate::support::jobs::lasting;
use crate::support::schedulers::scheduler;

#[tokio::test]
async fn a_schedule_that_replaces_its_job_runs_under_a_steady_backlog() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    // A backlog that is longer than the period, and never ends.
    let busy = || lasting("busy", 250).queue("lane");
    for _ in 0..12 {
        scheduler.enqueue(busy()).await.unwrap();
    }
    let replacing = NewSchedule::new("replacing", "act", "* * * * * *").payload(json!({"act": "scheduled"}));
    schedules::create(&mut conn, &replacing.queue(Some("lane")).overlap(Overlap::Replace)).unwrap();
    let mut ran = 0;
    while ran < 2 {
        if started.next().await.act == "scheduled" {
            ran += 1;
        }
        scheduler.enqueue(busy()).await.unwrap();
    }
    scheduler.stop().await;
    let replaced = count(&mut conn, &fires("replacing", "outcome = 'replaced' AND job_id IS NOT NULL"));
    let enqueued = count(&mut conn, &fires("replacing", "outcome = 'enqueued'"));
    assert!(replaced > 0 && enqueued >= 2, "{replaced} replaced, {enqueued} enqueued");
}
