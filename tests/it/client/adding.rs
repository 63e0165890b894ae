//! What a client adds, with every option, and that nothing is stored of what is refused.

use std::time::Duration;

use chrono::DateTime;
use mainspring::{
    Client, Enqueue, KeyMode, NewJob, SchedulerError, StoreError, Stored, Task, Wait, Workflow,
};
use serde::Serialize;
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::{Act, act};
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::statements::before_any_poll;

async fn client_of(database: &TestDatabase) -> Client {
    Client::connect(database.url()).await.unwrap()
}

#[tokio::test]
async fn a_job_of_a_client_has_every_option() {
    let database = TestDatabase::new();
    let (client, mut conn) = (client_of(&database).await, database.connection());
    let parent = client.enqueue(act("first")).await.unwrap();
    let due = DateTime::from_timestamp(4_102_477_200, 0).unwrap();
    let job = act("second").key("k").run_at(due).priority(-5).queue("mails").max_attempts(3).flags(["big"]);
    let id = client.enqueue(job.after(parent)).await.unwrap();
    let row = "state = 'waiting' AND key = 'k' AND run_at = '2100-01-01 09:00+00' AND priority = -5 \
        AND queue = 'mails' AND max_attempts = 3 AND flags = '{big}' AND payload = '{\"act\": \"second\"}'";
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {id} AND {row}")), 1);
    let later = NewJob::new("note", &json!({"n": 1})).run_in(Duration::from_secs(3_600));
    let later = client.enqueue(later).await.unwrap();
    let row = "state = 'scheduled' AND task = 'note' AND run_at > now() + interval '50 minutes'";
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {later} AND {row}")), 1);
    let same = act("third").key("k").key_mode(KeyMode::UnsafeDedupe);
    assert_eq!(client.enqueue(same).await.unwrap(), id);
    assert_eq!(client.remove("k").await.unwrap(), Some(id));
    assert_eq!(client.remove("k").await.unwrap(), None);
}

#[tokio::test]
async fn many_jobs_are_one_transaction_in_the_order_of_the_input() {
    let database = TestDatabase::new();
    let (client, mut conn) = (client_of(&database).await, database.connection());
    let jobs = (0..1_000).map(|n| NewJob::new("note", &json!({"n": n})));
    let ids = client.enqueue_many(jobs).await.unwrap();
    assert_eq!(ids.len(), 1_000);
    for n in [0, 1, 500, 999] {
        let row = format!("mainspring.jobs WHERE id = {} AND payload = '{{\"n\": {n}}}'", ids[n]);
        assert_eq!(count(&mut conn, &row), 1, "{n}");
    }
    assert_eq!(count(&mut conn, "(SELECT DISTINCT xmin::text FROM mainspring.jobs) AS t"), 1);
    assert!(client.enqueue_many(Vec::<NewJob>::new()).await.unwrap().is_empty());
    let twice = client.enqueue_many([act("a").key("k"), act("b").key("k")]).await.unwrap();
    assert_eq!(twice[0], twice[1]);
}

/// The field and the place that an error names.
fn named(error: &SchedulerError) -> (String, Option<usize>) {
    assert_eq!(error.stored(), Stored::No, "{error}");
    let SchedulerError::Store(StoreError::Invalid { field, place, .. }) = error else { panic!("{error}") };
    (field.clone(), place.map(|place| place.index))
}

#[derive(Serialize)]
struct Measured {
    degrees: f64,
}
impl Task for Measured {
    const NAME: &'static str = "measured";
}

#[tokio::test]
async fn a_bad_job_is_named_with_its_place_and_nothing_is_stored() {
    let database = TestDatabase::new();
    let client = client_of(&database).await;
    let good = || act("good");
    let bad: [(Enqueue<Act>, &str); 5] = [
        (good().queue(""), "queue"),
        (good().key("k".repeat(513)), "key"),
        (good().max_attempts(0), "max_attempts"),
        (good().flags([""]), "flags"),
        (act(&"x".repeat(2 << 20)), "payload"),
    ];
    for (job, field) in bad {
        let alone = client.enqueue(job.clone()).await.unwrap_err();
        assert_eq!(named(&alone), (field.to_owned(), None), "{alone}");
        let second = client.enqueue_many([good(), job]).await.unwrap_err();
        assert_eq!(named(&second), (field.to_owned(), Some(1)), "{second}");
    }
    let measured = [1.5, f64::NAN].map(|degrees| Enqueue::new(Measured { degrees }));
    let refused = client.enqueue_many(measured).await.unwrap_err();
    assert!(refused.to_string().starts_with("job 2 of 2: payload"), "{refused}");
    assert_eq!(named(&refused).1, Some(1));
    let circle = Workflow::new("w").job("a", good()).job("b", good()).after("a", "b").after("b", "a");
    assert_eq!(client.start_workflow(circle).await.unwrap_err().stored(), Stored::No);
    assert_eq!(named(&client.signal("", &json!(null)).await.unwrap_err()).0, "signal");
    let stored = "(SELECT FROM mainspring.jobs UNION ALL SELECT FROM mainspring.signals) AS t";
    assert_eq!(count(&mut database.connection(), stored), 0);
}

#[tokio::test]
async fn a_client_starts_workflows_and_sends_signals() {
    let database = TestDatabase::new();
    let client = client_of(&database).await;
    let order = Workflow::new("order").job("charge", act("a")).job("ship", act("b")).after("ship", "charge");
    let added = client.start_workflow(order).await.unwrap();
    let ship = added.job("ship").unwrap();
    client.enqueue(act("c").after(Wait::signal("paid"))).await.unwrap();
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE state = 'waiting' AND id >= {ship}")), 2);
    assert!(client.signal("paid", &json!({"by": "anna"})).await.unwrap());
    assert!(!client.signal("paid", &json!({"by": "otto"})).await.unwrap());
    assert_eq!(count(&mut conn, "mainspring.signals WHERE payload = '{\"by\": \"anna\"}'"), 1);
}

#[tokio::test]
async fn what_a_client_adds_starts_elsewhere_before_any_poll() {
    before_any_poll(async || {
        let database = TestDatabase::new();
        let (builder, mut started) = scheduler(&database);
        let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
        let client = client_of(&database).await;
        for n in 0..3 {
            let added = client.enqueue(act(&format!("job {n}"))).await.unwrap();
            assert_eq!(started.next().await.id, added);
        }
        let waiting = client.enqueue(act("signalled").after(Wait::signal("go"))).await.unwrap();
        client.signal("go", &json!(null)).await.unwrap();
        assert_eq!(started.next().await.id, waiting);
        scheduler.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_scheduler_that_runs_jobs_serves_as_a_client() {
    let database = TestDatabase::new();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.start().await.unwrap();
    let client = Client::from(scheduler.clone());
    let added = client.enqueue(act("own")).await.unwrap();
    assert_eq!(started.next().await.id, added);
    scheduler.stop().await;
    assert!(matches!(client.enqueue(act("late")).await, Err(SchedulerError::Stopped)));
}
