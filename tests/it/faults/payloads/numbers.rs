//! Values come back equal, or are refused at enqueue with their path.

use std::collections::BTreeMap;

use mainspring::jobs::insert_many;
use mainspring::{Cron, Crontab, Enqueue, JobContext, JobResult, NewJob, NewSchedule, Scheduler, Task};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::reports;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Float(f64),
    Single(f32),
    Pair(u64, i64),
    Named { note: Option<String>, floats: Vec<Option<f64>> },
    Map(BTreeMap<i32, Shape>),
    Flat(Flat),
    Either(Either),
    Value(Value),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Flat {
    first: (),
    #[serde(flatten)]
    rest: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Integer(u64),
    Negative(i64),
    Float(f64),
    Pair((bool, char)),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shapes(Vec<Shape>);
impl Task for Shapes {
    const NAME: &'static str = "shapes";
}

// Any bits, or a number of few digits, or one at the edge of the range.
fn float() -> f64 {
    const EDGES: [f64; 8] =
        [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -0.0, 1e16, 1103.6727385422041, 9007199254740993.0];
    loop {
        let value = match fastrand::u8(..4) {
            0 => EDGES[fastrand::usize(..EDGES.len())],
            1 => fastrand::f64() * 10_f64.powi(fastrand::i32(-10..30)),
            _ => f64::from_bits(fastrand::u64(..)),
        };
        if value.is_finite() {
            return value;
        }
    }
}

fn single() -> f32 {
    loop {
        let value = f32::from_bits(fastrand::u32(..));
        if value.is_finite() {
            return value;
        }
    }
}

fn text() -> String {
    (0..fastrand::usize(..6)).map(|_| fastrand::char('\u{1}'..)).collect()
}

fn either() -> Either {
    match fastrand::u8(..4) {
        0 => Either::Integer(fastrand::u64(..)),
        1 => Either::Negative(-fastrand::i64(1..)),
        2 => Either::Float(float()),
        _ => Either::Pair((fastrand::bool(), fastrand::char('a'..))),
    }
}

fn shape(depth: u8) -> Shape {
    match fastrand::u8(..if depth > 3 { 8 } else { 9 }) {
        0 => Shape::Unit,
        1 => Shape::Float(float()),
        2 => Shape::Single(single()),
        3 => Shape::Pair(fastrand::u64(..), fastrand::i64(..)),
        4 => Shape::Named {
            note: fastrand::bool().then(text),
            floats: (0..4).map(|_| fastrand::bool().then(float)).collect(),
        },
        5 => Shape::Flat(Flat { first: (), rest: BTreeMap::from([(format!("r{}", text()), float())]) }),
        6 => Shape::Either(either()),
        7 => Shape::Value(json!([float(), fastrand::u64(..), fastrand::i64(..), {"s": text()}, null, true])),
        _ => Shape::Map((0..3).map(|_| (fastrand::i32(..), shape(depth + 1))).collect()),
    }
}

async fn read(task: Shapes, job: JobContext) -> JobResult {
    job.data::<UnboundedSender<Shapes>>().send(task)?;
    Ok(())
}

#[tokio::test]
async fn random_values_of_many_shapes_come_back_equal() {
    let database = TestDatabase::new();
    let (sender, mut read_shapes) = reports::<Shapes>(&database.url());
    let sent: Vec<Shapes> = (0..150).map(|_| Shapes((0..20).map(|_| shape(0)).collect())).collect();
    let jobs: Vec<NewJob> =
        sent.iter().map(|task| NewJob::try_from(Enqueue::new(task.clone())).unwrap()).collect();
    insert_many(&mut database.connection(), &jobs).unwrap();
    let builder = Scheduler::builder(database.url()).handler(read).app_data(sender).concurrency(1);
    let scheduler = builder.start().await.unwrap();
    for expected in &sent {
        assert_eq!(&read_shapes.next().await, expected);
    }
    // The scheduler's own enqueues take another way.
    scheduler.enqueue(Enqueue::new(sent[0].clone())).await.unwrap();
    assert_eq!(read_shapes.next().await, sent[0]);
    scheduler.stop().await;
}

#[derive(Debug, Clone, Serialize)]
struct Sent<T> {
    value: BTreeMap<&'static str, Vec<Option<T>>>,
}
impl<T: Serialize> Task for Sent<T> {
    const NAME: &'static str = "sent";
}

fn sent<T>(value: T) -> Sent<T> {
    Sent { value: BTreeMap::from([("a", vec![None, Some(value)])]) }
}

async fn assert_refused<T>(scheduler: &Scheduler, value: T, expected: &str)
where
    T: Serialize + Clone + Send + 'static,
{
    let task = sent(value);
    let refused = scheduler.enqueue(Enqueue::new(task.clone())).await.unwrap_err().to_string();
    assert_eq!(refused, expected);
    let message = scheduler.queue_actor().unwrap().send(Enqueue::new(task.clone())).await.unwrap();
    assert_eq!(message.unwrap_err().to_string(), expected);
    assert_eq!(NewJob::try_from(Enqueue::new(task.clone())).unwrap_err().to_string(), expected);
    assert_eq!(NewSchedule::of("s", &task, "@daily").unwrap_err().to_string(), expected);
    let line = Cron::new("@daily", task).build().unwrap_err().to_string();
    assert!(line.contains(expected), "{line}");
}

#[tokio::test]
async fn what_cannot_come_back_equal_is_refused_by_every_typed_way() {
    let database = TestDatabase::new();
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    let finite = |what: &str| format!("payload must hold finite numbers, got {what} at `value.a[1]`");
    assert_refused(&scheduler, f64::NAN, &finite("NaN")).await;
    assert_refused(&scheduler, (f32::NEG_INFINITY,), &finite("-infinity").replace("[1]", "[1][0]")).await;
    let wide = "payload must hold integers of at most 64 bits, got a larger one at `value.a[1]`";
    assert_refused(&scheduler, u128::MAX, wide).await;
    assert_refused(&scheduler, i128::MIN, wide).await;
    let mut deep = json!(0);
    for _ in 0..125 {
        deep = json!([deep]);
    }
    let too_deep = "payload must be nested at most 127 deep, got more";
    assert_refused(&scheduler, deep.clone(), &format!("{too_deep} at `value`")).await;

    // Where the task is known by name only, the database judges.
    let untyped = NewJob::new("sent", &json!([[[deep.clone()]]]));
    let refused = scheduler.enqueue_many(vec![untyped]).await.unwrap_err().to_string();
    assert!(refused.starts_with(too_deep), "{refused}");
    let schedule = NewSchedule::new("s", "sent", "@daily").payload(json!({"a": [[deep]]}));
    let refused = scheduler.schedules().create(schedule).await.unwrap_err().to_string();
    assert!(refused.starts_with(too_deep), "{refused}");
    for number in ["1e400", "-1E+309"] {
        let job = NewJob::from_json("sent", number).unwrap();
        let refused = scheduler.enqueue_many(vec![job]).await.unwrap_err().to_string();
        assert!(refused.starts_with("payload must hold numbers of 64-bit floating point"), "{refused}");
    }
    assert!(Crontab::parse("@daily sent {n: 12345678901234567890123}").is_err());
    assert_eq!(count(&mut database.connection(), "mainspring.jobs"), 0);
    scheduler.stop().await;
}
