//! How long results are kept.

use mainspring::Wait;

use super::*;
use crate::support::jobs::{act, behave};

#[tokio::test]
async fn old_results_are_deleted_but_for_those_that_a_job_still_waits_with() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let scheduler = doubler(&database).handler(behave).start().await.unwrap();
    let needed = of(1).wait(&scheduler, PATIENCE).await.unwrap();
    let old = of(2).wait(&scheduler, PATIENCE).await.unwrap();
    act("child").after(needed.id).after(Wait::signal("go")).insert(&mut conn).unwrap();
    conn.batch_execute("UPDATE mainspring.results SET finished_at = mainspring.now() - interval '25 hours'")
        .unwrap();
    let young = of(3).wait(&scheduler, PATIENCE).await.unwrap();
    scheduler.stop().await;

    let again = doubler(&database).handler(behave).start().await.unwrap();
    until(&database, &format!("mainspring.results WHERE job_id = {}", old.id), 0).await;
    let kept = format!("mainspring.results WHERE job_id IN ({}, {})", needed.id, young.id);
    assert_eq!(count(&mut conn, &kept), 2);
    again.signal("go", &serde_json::json!(null)).await.unwrap();
    until(&database, "mainspring.waits", 0).await;
    again.stop().await;

    let last = doubler(&database).start().await.unwrap();
    until(&database, "mainspring.results", 1).await;
    last.stop().await;
}

#[tokio::test]
async fn a_retention_of_zero_keeps_no_result() {
    let database = TestDatabase::new();
    let scheduler = doubler(&database).start().await.unwrap();
    of(1).wait(&scheduler, PATIENCE).await.unwrap();
    scheduler.stop().await;
    let scheduler = doubler(&database).result_retention(Duration::ZERO).start().await.unwrap();
    until(&database, "mainspring.results", 0).await;
    scheduler.stop().await;
}
