//! A job sees how those have ended that it has waited for, and what they returned.

use mainspring::{OnFailure, Wait};

use super::*;

/// Adds up what its parents have returned, and names those that returned nothing.
#[derive(Debug, Serialize, Deserialize)]
struct AddUp {
    signal: Option<String>,
}
impl Task for AddUp {
    const NAME: &'static str = "add_up";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn add_up(task: AddUp, job: JobContext) -> Result<(i64, Vec<String>), JobError> {
    let (mut sum, mut without) = (0, Vec::new());
    for parent in job.parents().await? {
        match parent.value::<Doubled>() {
            Ok(doubled) => sum += doubled.twice,
            Err(_) => without.push(format!("{} {}", parent.state.as_str(), parent.error.unwrap_or_default())),
        }
    }
    if let Some(name) = task.signal {
        sum += job.signal::<i64>(name).await?.ok_or("the signal was not sent")?;
    }
    Ok((sum, without))
}

fn sum() -> Enqueue<AddUp> {
    Enqueue::new(AddUp { signal: None })
}

async fn started(database: &TestDatabase) -> Scheduler {
    doubler(database).handler(add_up).start().await.unwrap()
}

#[tokio::test]
async fn a_fan_in_gets_what_each_of_its_parents_returned() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let parents: Vec<i64> = (1..=250).map(|number| of(number).insert(&mut conn).unwrap()).collect();
    let child = sum().after_all(parents).insert(&mut conn).unwrap();
    let scheduler = started(&database).await;
    let outcome = scheduler.jobs().wait_for_outcome(child, PATIENCE).await.unwrap();
    assert_eq!(outcome.value(), Ok((250 * 251, Vec::<String>::new())));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_that_runs_after_a_failure_sees_which_parent_failed_and_why() {
    let database = TestDatabase::new();
    let scheduler = started(&database).await;
    let good = of(4).wait(&scheduler, PATIENCE).await.unwrap();
    let bad = scheduler.enqueue(of(-1)).await.unwrap();
    let cancelled = scheduler.enqueue(of(1).run_in(Duration::from_secs(3_600))).await.unwrap();
    let run = |parent| Wait::job(parent).on_failure(OnFailure::Run);
    let child = sum().after(good.id).after(run(bad)).after(run(cancelled));
    let child = scheduler.enqueue(child).await.unwrap();
    scheduler.jobs().cancel([cancelled], Some("not wanted")).await.unwrap();
    let outcome = scheduler.jobs().wait_for_outcome(child, PATIENCE).await.unwrap();
    let without = vec!["dead negative".to_owned(), "cancelled not wanted".to_owned()];
    assert_eq!(outcome.value(), Ok((8, without)));
    scheduler.stop().await;
}

#[tokio::test]
async fn a_job_reads_the_value_of_the_signal_it_has_waited_for() {
    let database = TestDatabase::new();
    let scheduler = started(&database).await;
    let waiting = Enqueue::new(AddUp { signal: Some("paid".into()) }).after(Wait::signal("paid"));
    let waiting = scheduler.enqueue(waiting).await.unwrap();
    scheduler.signal("paid", &serde_json::json!(90)).await.unwrap();
    let outcome = scheduler.jobs().wait_for_outcome(waiting, PATIENCE).await.unwrap();
    assert_eq!(outcome.value(), Ok((90, Vec::<String>::new())));
    scheduler.signal("words", &serde_json::json!("secret")).await.unwrap();
    let wrong =
        Enqueue::new(AddUp { signal: Some("words".into()) }).wait(&scheduler, PATIENCE).await.unwrap();
    let error = wrong.error.unwrap();
    assert!(error.contains("signal `words` does not fit `i64`") && !error.contains("secret"), "{error}");
    scheduler.stop().await;
}
