//! Encodings other than UTF-8: what a database lacks is refused with the field named, and all else works.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::{self, JobFilter};
use mainspring::queues::{self, QueueSettings};
use mainspring::schedules;
use mainspring::{
    Enqueue, JobContext, JobError, JobResult, NewJob, NewSchedule, ScheduleChanges, Scheduler, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

/// Encodings, a text that each holds, and whether it holds every other text too.
const ENCODINGS: [(&str, &str, Holds); 5] = [
    ("LATIN1", "Grüße", Holds::Some),
    ("WIN1252", "Grüße €", Holds::Some),
    ("EUC_JP", "時計", Holds::Some),
    ("SQL_ASCII", "時計 ü €", Holds::All),
    ("UTF8", "時計 ü €", Holds::All),
];
const LACKING: &str = "😀";

#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Some,
    All,
}

/// A job that fails for a reason which hardly any encoding holds.
#[derive(Serialize, Deserialize)]
struct Smile {}

impl Task for Smile {
    const NAME: &'static str = "smile";
}

async fn smile(_: Smile, _: JobContext) -> JobResult {
    Err(JobError::discard(format!("no {LACKING}")))
}

async fn works_in(encoding: &str, text: &str, holds: Holds) {
    let database = TestDatabase::encoded(encoding);
    let builder = || Scheduler::builder(database.url()).handler(behave).handler(smile).worker_threads(1);
    let scheduler = builder().worker_name(text).start().await.unwrap();
    scheduler.enqueue(act("plain").key(text).queue(text)).await.unwrap();
    scheduler.enqueue(Enqueue::new(Smile {})).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    until(&database, "mainspring.jobs WHERE state = 'dead' AND last_error LIKE 'no %'", 1).await;
    let mut conn = database.connection();
    assert_eq!(jobs::list(&mut conn, &JobFilter::default()).unwrap().len(), 1, "{encoding}");
    let refusals = [
        ("key", scheduler.enqueue(act("k").key(LACKING)).await),
        ("queue", scheduler.enqueue(act("q").queue(LACKING)).await),
        ("payload", scheduler.enqueue(act(LACKING)).await),
    ];
    for (field, refused) in refusals {
        match (refused, holds) {
            (Ok(_), Holds::All) => {}
            (Err(error), Holds::Some) => {
                assert!(
                    error.to_string().starts_with(&format!("{field} has a character")),
                    "{encoding}: {error}"
                );
            }
            (other, _) => panic!("{encoding}: {field}: {other:?}"),
        }
    }
    let inserted = NewJob::new(LACKING, &json!({})).insert(&mut conn);
    match (inserted, holds) {
        (Ok(_), Holds::All) => {}
        (Err(error), Holds::Some) => {
            assert!(error.to_string().starts_with("task has"), "{encoding}: {error}")
        }
        (other, _) => panic!("{encoding}: {other:?}"),
    }
    if holds == Holds::Some {
        names_each_field(&mut conn, encoding);
    }
    conn.batch_execute("SELECT mainspring.add_job('act', '{\"act\": \"sql\"}')").unwrap();
    until(&database, "mainspring.history WHERE key IS NULL AND task = 'act'", expected(holds)).await;
    scheduler.stop().await;
    match (builder().worker_name(LACKING).start().await, holds) {
        (Ok(scheduler), Holds::All) => scheduler.stop().await,
        (Err(error), Holds::Some) => assert!(error.to_string().starts_with("worker_name has"), "{error}"),
        (Ok(_), Holds::Some) => panic!("{encoding} holds {LACKING}"),
        (Err(error), Holds::All) => panic!("{encoding}: {error}"),
    }
    assert_eq!(count(&mut conn, "mainspring.workers"), 0, "{encoding}");
}

/// Every verb with a text names the field of that text.
fn names_each_field(conn: &mut PgConnection, encoding: &str) {
    let ids = &[1][..];
    let filter = |change: fn(&mut JobFilter)| {
        let mut filter = JobFilter::new();
        change(&mut filter);
        filter
    };
    let new = || NewSchedule::new("s", "t", "@daily");
    let refusals = [
        ("queue", queues::set(conn, LACKING, &QueueSettings::concurrency(2)).map(drop)),
        ("queue", queues::pause(conn, LACKING).map(drop)),
        ("queue", queues::resume(conn, LACKING).map(drop)),
        ("queue", queues::remove(conn, LACKING).map(drop)),
        ("task", queues::pause_task(conn, LACKING).map(drop)),
        ("task", queues::resume_task(conn, LACKING).map(drop)),
        ("key", jobs::remove(conn, LACKING).map(drop)),
        ("reason", jobs::cancel(conn, ids, Some(LACKING)).map(drop)),
        ("reason", jobs::complete(conn, ids, Some(LACKING)).map(drop)),
        ("reason", jobs::fail(conn, ids, Some(LACKING)).map(drop)),
        ("task", jobs::list(conn, &filter(|filter| filter.task = Some(LACKING.into()))).map(drop)),
        ("queue", jobs::ids(conn, &filter(|filter| filter.queue = Some(LACKING.into()))).map(drop)),
        ("key", jobs::count(conn, &filter(|filter| filter.key = Some(LACKING.into()))).map(drop)),
        ("name", schedules::create(conn, &NewSchedule::new(LACKING, "t", "@daily"))),
        ("task", schedules::create(conn, &NewSchedule::new("s", LACKING, "@daily"))),
        ("queue", schedules::create(conn, &new().queue(Some(LACKING)))),
        ("payload", schedules::create(conn, &new().payload(json!({"a": [LACKING]})))),
        ("flags", schedules::create(conn, &new().flags(vec![LACKING.into()]))),
        ("name", schedules::update(conn, LACKING, &ScheduleChanges::new().priority(1)).map(drop)),
        ("name", schedules::pause(conn, LACKING).map(drop)),
        ("name", schedules::delete(conn, LACKING).map(drop)),
        ("name", schedules::trigger(conn, LACKING).map(drop)),
        ("name", schedules::get(conn, LACKING).map(drop)),
        ("name", schedules::fires(conn, LACKING, 1).map(drop)),
    ];
    for (place, (field, refused)) in refusals.into_iter().enumerate() {
        let error = refused.expect_err(field).to_string();
        assert!(error.starts_with(&format!("{field} has a character")), "{encoding}, {place}: {error}");
    }
}

/// A character that only its escape can write in this encoding is refused with its field too.
#[test]
fn an_escape_of_what_the_encoding_lacks_names_the_payload() {
    let database = TestDatabase::encoded("LATIN1");
    let mut conn = database.connection();
    mainspring::database::migrate(&mut conn).unwrap();
    let job = NewJob::from_json("t", "{\"a\": \"\\ud83d\\ude00\"}").unwrap();
    let error = job.insert(&mut conn).unwrap_err().to_string();
    assert!(error.starts_with("payload "), "{error}");
    let job = NewJob::from_json("t", "{\"a\": \"\\u00fc\"}").unwrap();
    job.insert(&mut conn).unwrap();
}

// The job added by SQL, and those that the encoding did not refuse.
fn expected(holds: Holds) -> i64 {
    match holds {
        Holds::Some => 1,
        Holds::All => 3,
    }
}

#[tokio::test]
async fn what_the_encoding_lacks_is_refused_with_its_field_and_all_else_works() {
    let all = ENCODINGS.map(|(encoding, text, holds)| tokio::spawn(works_in(encoding, text, holds)));
    for one in all {
        one.await.unwrap();
    }
}
