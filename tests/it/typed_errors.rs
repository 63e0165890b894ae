//! Errors as data: which field, which name, which pool. After one, a transaction of the caller goes on.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection, PgConnection, RunQueryDsl, sql_query};
use mainspring::jobs::{self, Reschedule, insert_many};
use mainspring::queues::{self, QueueSettings};
use mainspring::schedules;
use mainspring::{
    JobContext, JobResult, NewJob, NewSchedule, Overlap, ScheduleChanges, Scheduler, SchedulerError, Schema,
    StoreError, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::database::TestDatabase;
use crate::support::logs;
use crate::support::rows::count;
use crate::support::waiting::until;

mod bounds;

fn job() -> NewJob {
    NewJob::new("t", &json!({}))
}

fn field_of(error: &StoreError) -> &str {
    match error {
        StoreError::Invalid { field, .. } => field,
        other => panic!("{other:?}"),
    }
}

type Refused<'a> = &'a dyn Fn(&mut PgConnection) -> StoreError;

#[test]
fn after_an_error_the_callers_transaction_goes_on() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    schedules::create(&mut conn, &NewSchedule::new("taken", "t", "@daily")).unwrap();
    let large = json!({"x": "y".repeat(1 << 20)});
    let cases: [(&str, Refused<'_>); 17] = [
        ("queue", &|c| job().queue("").insert(c).unwrap_err()),
        ("key", &|c| job().key("k".repeat(513)).insert(c).unwrap_err()),
        ("key", &|c| job().key("a\0b").insert(c).unwrap_err()),
        ("max_attempts", &|c| job().max_attempts(0).insert(c).unwrap_err()),
        ("run_in", &|c| job().run_in(Duration::MAX).insert(c).unwrap_err()),
        ("flags", &|c| job().flags([""]).insert(c).unwrap_err()),
        ("payload", &|c| NewJob::new("t", &large).insert(c).unwrap_err()),
        ("payload", &|c| NewJob::from_json("t", "1e309").unwrap().insert(c).unwrap_err()),
        ("task", &|c| insert_many(c, &[job(), NewJob::new("", &json!({}))]).unwrap_err()),
        ("expression", &|c| schedules::create(c, &NewSchedule::new("s", "t", "61 * * * *")).unwrap_err()),
        ("zone", &|c| schedules::create(c, &NewSchedule::new("s", "t", "@daily").zone("Mars")).unwrap_err()),
        ("key", &|c| schedules::create(c, &NewSchedule::new("s", "t", "@daily").key(Some("k"))).unwrap_err()),
        ("jitter_seconds", &|c| {
            schedules::update(c, "taken", &ScheduleChanges::new().jitter_seconds(90_000)).unwrap_err()
        }),
        ("concurrency", &|c| queues::set(c, "q", &QueueSettings::concurrency(0)).unwrap_err()),
        ("queue", &|c| queues::pause(c, "").unwrap_err()),
        ("reason", &|c| jobs::cancel(c, &[1], Some(&"x".repeat(1_001))).unwrap_err()),
        ("attempts", &|c| jobs::reschedule(c, &[1], &Reschedule::new().attempts(-1)).unwrap_err()),
    ];
    let kept = conn.transaction::<_, DieselError, _>(|conn| {
        for (field, refused) in cases {
            let error = refused(conn);
            assert_eq!(field_of(&error), field, "{error}");
            sql_query("SELECT 1").execute(conn).unwrap_or_else(|over| panic!("{error}: {over}"));
        }
        let taken = schedules::create(conn, &NewSchedule::new("taken", "t", "@daily")).unwrap_err();
        assert_eq!(taken.to_string(), "there is already a schedule `taken`");
        let StoreError::AlreadyExists { what, name, .. } = taken else { panic!("{taken:?}") };
        assert_eq!((what.as_str(), name.as_str()), ("schedule", "taken"));
        for unknown in [
            schedules::update(conn, "new", &ScheduleChanges::new().overlap(Overlap::Skip)).unwrap_err(),
            schedules::trigger(conn, "new").unwrap_err(),
            schedules::delete(conn, "new").unwrap_err(),
        ] {
            assert!(matches!(unknown, StoreError::NotFound { name, .. } if name == "new"));
        }
        Ok(job().insert(conn)?)
    });
    assert_eq!(count(&mut conn, &format!("mainspring.jobs WHERE id = {}", kept.unwrap())), 1);
    assert_eq!(count(&mut conn, "mainspring.jobs"), 1);
}

#[test]
fn a_removal_that_fails_leaves_the_callers_transaction_usable() {
    let database = TestDatabase::new();
    let (mut conn, mut other) = (database.connection(), database.connection());
    queues::set(&mut conn, "held", &QueueSettings::concurrency(2)).unwrap();
    other.batch_execute("BEGIN; SELECT FROM mainspring.queues FOR UPDATE").unwrap();
    conn.transaction::<_, DieselError, _>(|conn| {
        sql_query("SET LOCAL lock_timeout = '50ms'").execute(conn)?;
        assert!(queues::remove(conn, "held").is_err());
        queues::pause(conn, "another")?;
        Ok(())
    })
    .unwrap();
    other.batch_execute("COMMIT").unwrap();
    assert!(queues::remove(&mut conn, "held").unwrap());
}

#[test]
fn the_place_of_a_bad_job_is_data() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let error = insert_many(&mut conn, &[job(), job().queue("")]).unwrap_err();
    assert_eq!(error.to_string(), "job 2 of 2: queue must be 1 to 128 characters, got 0");
    let StoreError::Invalid { field, expected, got, place: Some(place), .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (field.as_str(), expected.as_str(), got.as_str()),
        ("queue", "must be 1 to 128 characters", "0")
    );
    assert_eq!((place.index, place.jobs), (1, 2));
}

#[test]
fn a_program_in_any_language_finds_the_field_of_a_refusal() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let mut refusal = |statement: &str| match conn.batch_execute(statement).unwrap_err() {
        DieselError::DatabaseError(_, facts) => {
            let detail: Value = serde_json::from_str(facts.details().unwrap()).unwrap();
            (facts.column_name().unwrap().to_owned(), detail)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refusal("SELECT mainspring.add_job('t', key => '')"),
        ("key".into(), json!({"field": "key", "expected": "must be 1 to 512 characters", "got": "0"}))
    );
    let of_many =
        "SELECT mainspring.add_jobs('[{\"task\": \"t\"}, {\"task\": \"t\", \"key_mode\": \"a, got b\"}]')";
    let expected = "must be replace, preserve_run_at or unsafe_dedupe";
    assert_eq!(
        refusal(of_many),
        (
            "key_mode".into(),
            json!({"field": "key_mode", "expected": expected, "got": "'a, got b'", "job": 2, "of": 2})
        )
    );
    conn.batch_execute("SELECT mainspring.create_schedule('s', 't', '@daily')").unwrap();
    let mut taken = |statement: &str| conn.batch_execute(statement).unwrap_err();
    let DieselError::DatabaseError(_, facts) = taken("SELECT mainspring.create_schedule('s', 't', '@daily')")
    else {
        panic!()
    };
    assert_eq!(facts.details(), Some("{\"name\": \"s\", \"what\": \"schedule\"}"));
}

#[test]
fn an_error_passes_through_a_transaction_of_diesel_and_comes_back() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let over = conn
        .transaction::<i64, DieselError, _>(|conn| {
            job().insert(conn)?;
            Ok(job().queue("").insert(conn)?)
        })
        .unwrap_err();
    assert_eq!(over.to_string(), "queue must be 1 to 128 characters, got 0");
    assert_eq!(field_of(&StoreError::from_diesel(over)), "queue");
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);

    // What the server reported stays as it is, so that a caller can tell a conflict that is worth a second try.
    conn.batch_execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'try again' USING ERRCODE = 'serialization_failure'; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON mainspring.jobs EXECUTE FUNCTION fail()",
    )
    .unwrap();
    let over = conn.transaction::<i64, DieselError, _>(|conn| Ok(job().insert(conn)?)).unwrap_err();
    assert!(matches!(over, DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _)));
    let over = Schema::default()
        .on(&mut conn)
        .transaction(|conn| -> Result<i64, DieselError> { Ok(job().insert(conn)?) });
    assert!(matches!(StoreError::from_diesel(over.unwrap_err()), StoreError::Database(_)));
}

#[derive(Serialize, Deserialize)]
struct Two {}
impl Task for Two {
    const NAME: &'static str = "two.connections";
    const MAX_ATTEMPTS: Option<i16> = Some(1);
}

async fn want_two(_: Two, job: JobContext) -> JobResult {
    let first = job.connection().await?;
    let error = job.connection().await.unwrap_err();
    drop(first);
    match error {
        StoreError::PoolExhausted { setting: "handler_pool_size", size: 1, .. } => Ok(()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pool_that_is_used_up_is_named_with_its_size() {
    let database = TestDatabase::new();
    let builder = Scheduler::builder(database.url()).handler(want_two).handler_pool_size(1);
    let scheduler = builder.start().await.unwrap();
    scheduler.enqueue(mainspring::Enqueue::new(Two {})).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    scheduler.stop().await;
    let stopped = scheduler.enqueue(mainspring::Enqueue::new(Two {})).await.unwrap_err();
    assert!(matches!(stopped, SchedulerError::Stopped), "{stopped}");
}

#[test]
fn the_cause_of_a_500_is_logged_once_and_no_mistake_of_a_client_is() {
    use actix_web::ResponseError;

    logs::keep();
    for n in [1, 2] {
        let away = StoreError::Config(format!("cause {n} of the portal at host 4711"));
        assert_eq!(SchedulerError::Store(away).error_response().status(), 500);
    }
    let kept = logs::with("of the portal at host 4711");
    assert_eq!(kept, ["ERROR the cause of a response 500: cause 1 of the portal at host 4711"]);
    let mistake = jobs::insert(&mut TestDatabase::new().connection(), job().key("")).unwrap_err();
    assert_eq!(mistake.error_response().status(), 400);
    assert_eq!(logs::with(&format!("the cause of a response 400: {mistake}")), [""; 0]);
}
