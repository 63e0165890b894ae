//! Encodings other than UTF-8: what a database lacks is refused with the field named, and all else works.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::jobs::{self, JobFilter};
use mainspring::queues::{self, QueueSettings};
use mainspring::schedules::{self, ScheduleFilter};
use mainspring::{
    Enqueue, JobContext, JobError, JobResult, NewJob, NewSchedule, ScheduleChanges, Scheduler, Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

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

/// A database that holds any bytes takes none that are no text: no program could read them.
#[test]
fn bytes_that_are_no_text_are_refused_where_the_encoding_holds_any() {
    let database = TestDatabase::encoded("SQL_ASCII");
    let mut conn = database.connection();
    mainspring::database::migrate(&mut conn).unwrap();
    for (call, field) in [
        ("add_job('act', jsonb_build_object('act', E'\\xff'))", "payload"),
        ("add_job('act', key => E'k\\xff')", "key"),
        ("add_job('act', queue => E'q\\xff')", "queue"),
        ("add_job('act', flags => ARRAY[E'f\\xff'])", "flags"),
        ("add_job(E'act\\xff')", "task"),
        ("set_queue(E'q\\xff', 2)", "name"),
        ("pause_task(E't\\xff')", "task"),
        ("create_schedule(E's\\xff', 'act', '* * * * * *')", "name"),
        ("create_schedule('s', 'act', '* * * * * *', jsonb_build_object('a', E'\\xff'))", "payload"),
    ] {
        let refused = conn.batch_execute(&format!("DO $$ BEGIN PERFORM mainspring.{call}; END $$"));
        let refused = refused.unwrap_err().to_string();
        assert_eq!(refused, format!("{field} must be UTF-8, got other bytes"), "{call}");
    }
}

/// The rules by which a database sorts and compares have no part in any result.
#[tokio::test]
async fn everything_works_where_a_collation_of_icu_is_the_default() {
    let Some(database) = TestDatabase::collated("de-DE") else {
        eprintln!("skipped: the server has no collations of ICU");
        return;
    };
    let scheduler = Scheduler::builder(database.url())
        .handler(behave)
        .worker_threads(1)
        .crontab("* * * * * * act ?id=\u{e4} {act:'fired'}")
        .start()
        .await
        .unwrap();
    let names = ["a", "A", "\u{e4}", "Z", "z", "-", "a b", "\u{df}", "ss", "\u{6642}"];
    for name in names {
        scheduler.enqueue(act(name).queue(name).key(name)).await.unwrap();
    }
    until(&database, "mainspring.history WHERE queue IS NOT NULL AND outcome = 'succeeded'", 10).await;
    until_at_least(&database, "mainspring.schedule_fires WHERE schedule = '\u{e4}'", 2).await;
    scheduler.stop().await;
    let mut conn = database.connection();
    assert_eq!(count(&mut conn, "mainspring.queues"), 10);
    for (place, name) in names.iter().enumerate() {
        let schedule = NewSchedule::new(*name, "act", "@yearly");
        schedules::create(&mut conn, &schedule).unwrap();
        assert_eq!(schedules::list(&mut conn, &ScheduleFilter::default()).unwrap().len(), place + 1);
    }
    assert_eq!(queues::remove_unused(&mut conn).unwrap(), 10);
}
