//! Many jobs in one call, from Rust and from SQL: input order, all or none, and bad input named with its place.

use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::jobs::insert_many;
use mainspring::{JobOptions, NewJob, StoreError};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;

const MANY: i64 = 10_000;

// Mixed tasks, every third with a key, every seventh of them with the key of the one before.
fn mixed(number: i64) -> NewJob {
    let key = (number % 3 == 0).then(|| format!("key {}", number - if number % 7 == 0 { 3 } else { 0 }));
    let mut options = JobOptions::new().priority((number % 5) as i16);
    options.key = key;
    NewJob::new(if number % 2 == 0 { "even" } else { "odd" }, &json!({"n": number})).with_options(options)
}

#[test]
fn ten_thousand_mixed_jobs_come_back_in_input_order() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let jobs: Vec<NewJob> = (1..=MANY).map(mixed).collect();
    let ids = insert_many(&mut conn, &jobs).unwrap();
    assert_eq!(ids.len() as i64, MANY);
    let twice = (1..=MANY).filter(|n| n % 21 == 0).count() as i64;
    assert_eq!(count(&mut conn, "mainspring.jobs"), MANY - twice);
    for (index, id) in ids.iter().enumerate().step_by(501).chain([(20, &ids[20]), (17, &ids[17])]) {
        // The eighteenth was replaced by the twenty-first.
        let number = if index == 17 { 21 } else { index + 1 };
        let stored = format!("mainspring.jobs WHERE id = {id} AND payload->>'n' = '{number}'");
        assert_eq!(count(&mut conn, &stored), 1, "{index}");
    }
}

#[tokio::test]
async fn a_scheduler_takes_ten_thousand_in_one_call() {
    let database = TestDatabase::new();
    let (scheduler, _started) = scheduler(&database);
    let scheduler = scheduler.start().await.unwrap();
    let later = JobOptions::new().run_at("2100-01-01T00:00:00Z".parse().unwrap());
    let jobs = (0..MANY).map(|n| NewJob::new("far", &json!({"n": n})).with_options(later.clone())).collect();
    let ids = scheduler.enqueue_many(jobs).await.unwrap();
    assert!(ids.len() as i64 == MANY && ids.is_sorted());
    assert_eq!(count(&mut database.connection(), "mainspring.jobs WHERE state = 'scheduled'"), MANY);
    scheduler.stop().await;
}

#[test]
fn one_bad_job_of_many_is_named_with_its_place_and_stores_none() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        (JobOptions::new().key(""), "key must be 1 to 512 characters, got 0"),
        (JobOptions::new().max_attempts(0), "max_attempts must be 1 to 32767, got 0"),
        (JobOptions::new().queue("\0"), "queue must not contain the character NUL, got one"),
    ];
    for (options, words) in cases {
        let mut jobs: Vec<NewJob> = (1..=5).map(|n| NewJob::new("t", &json!(n))).collect();
        jobs[2] = jobs[2].clone().with_options(options);
        let error = insert_many(&mut conn, &jobs).unwrap_err();
        assert!(matches!(error, StoreError::Invalid { .. }), "{error:?}");
        assert_eq!(error.to_string(), format!("job 3 of 5: {words}"));
    }
    assert!(insert_many(&mut conn, &[]).unwrap().is_empty());
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    task: String,
}

fn add_jobs(conn: &mut PgConnection, specs: &Value) -> diesel::QueryResult<Vec<Row>> {
    sql_query("SELECT id, task FROM mainspring.add_jobs($1::jsonb)")
        .bind::<Text, _>(specs.to_string())
        .load(conn)
}

#[test]
fn sql_adds_many_with_every_option_and_answers_in_input_order() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let waiting = act("old").key("z").insert(&mut conn).unwrap();
    let specs = json!([
        {"task": "a", "payload": {"n": 1}, "queue": "q", "run_at": "2100-01-01T09:00:00+01:00", "max_attempts": 3,
            "key": "y", "priority": -5, "flags": ["big"], "key_mode": "replace"},
        {"task": "b", "key": "z", "payload": null},
        {"task": "c"},
        {"task": "d", "key": "a"},
    ]);
    let rows = add_jobs(&mut conn, &specs).unwrap();
    assert_eq!(rows.iter().map(|row| row.task.as_str()).collect::<String>(), "abcd");
    assert_eq!(rows[1].id, waiting);
    let first = format!(
        "mainspring.jobs WHERE id = {} AND payload = '{{\"n\": 1}}' AND queue = 'q' AND max_attempts = 3 AND key = 'y' \
         AND run_at = '2100-01-01 08:00:00+00' AND priority = -5 AND flags = '{{big}}' AND state = 'scheduled'",
        rows[0].id
    );
    assert_eq!(count(&mut conn, &first), 1);
    let many: Vec<_> = (0..MANY).map(|n| json!({"task": format!("t{n}")})).collect();
    let rows = add_jobs(&mut conn, &many.into()).unwrap();
    assert!(rows.iter().enumerate().all(|(n, row)| row.task == format!("t{n}")));
    assert_eq!(rows.len() as i64, MANY);
}

#[test]
fn a_bad_description_from_sql_is_named_with_its_place_and_stores_none() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let cases = [
        (json!({"task": "t"}), "specs must be an array of objects, got object"),
        (json!([{"task": "t"}, 7]), "job 2 of 2: specs must hold objects, got number"),
        (
            json!([{"task": "t", "jobKey": "k"}]),
            "job 1 of 1: specs must have the names task, payload, queue, run_at, max_attempts, key, priority, flags, key_mode, trace_context, after and version, got 'jobKey'",
        ),
        (json!([{"task": 7}]), "job 1 of 1: task must be a string, got 7"),
        (
            json!([{"task": "t"}, {"task": "t", "priority": "high"}]),
            "job 2 of 2: priority must be a whole number, got \"high\"",
        ),
        (
            json!([{"task": "t", "max_attempts": 1.5}]),
            "job 1 of 1: max_attempts must be a whole number, got 1.5",
        ),
        (json!([{"task": "t", "flags": [1]}]), "job 1 of 1: flags must be an array of strings, got [1]"),
        (
            json!([{"task": "t", "run_at": "soon"}]),
            "run_at must be a moment with its offset, such as 2027-01-01T09:00:00Z, got 'soon'",
        ),
        (
            json!([{"task": "t"}, {"task": "t", "priority": 40000}]),
            "job 2 of 2: priority must be -32768 to 32767, got 40000",
        ),
        (json!([{"task": "t"}, {}]), "job 2 of 2: task must be 1 to 128 characters, got none"),
    ];
    for (specs, expected) in cases {
        let error = add_jobs(&mut conn, &specs).err().unwrap();
        assert_eq!(error.to_string(), expected);
    }
    assert!(add_jobs(&mut conn, &json!([])).unwrap().is_empty());
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}
