//! Characters that JSON can write and no text of PostgreSQL can hold: NUL, and half of a surrogate pair.

use diesel::connection::SimpleConnection;
use mainspring::{Crontab, Enqueue, NewJob, NewSchedule, Scheduler, Task};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::support::database::TestDatabase;
use crate::support::rows::count;

/// Where such a character may stand.
const PLACES: [&str; 5] = ["\"@\"", "\"a@b\"", "{\"@\": 1}", "[[{\"a\": [\"@\"]}]]", "{\"a\": {\"b@\": {}}}"];
const HALVES: [&str; 4] = ["\\ud800", "\\udfff", "\\uD800x", "\\udc00\\ud800"];
const WHOLE: [&str; 4] = ["\\ud83d\\ude00", "\\\\ud800", "\\\\u0000", "\\ufffd"];

/// A payload that was written before.
#[derive(Clone, Serialize)]
struct Raw {
    raw: Box<RawValue>,
}

impl Task for Raw {
    const NAME: &'static str = "raw";
}

fn texts(characters: &[&str]) -> Vec<String> {
    characters.iter().flat_map(|one| PLACES.map(|place| place.replace('@', one))).collect()
}

#[test]
fn half_of_a_surrogate_pair_is_refused_by_every_way_in() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    for json in texts(&HALVES) {
        let refused = NewJob::from_json("t", &json).unwrap_err().to_string();
        assert_eq!(refused, "payload must not contain half of a surrogate pair, got one", "{json}");
        let raw = Raw { raw: RawValue::from_string(json.clone()).unwrap() };
        let refused = Enqueue::new(raw.clone()).insert(&mut conn).unwrap_err().to_string();
        assert_eq!(refused, "payload must not contain half of a surrogate pair, got one", "{json}");
        assert!(NewSchedule::of("s", &raw, "@daily").is_err(), "{json}");
        assert!(Crontab::parse(&format!("* * * * * t {{a: {json}}}")).is_err(), "{json}");
        let sql = format!("SELECT mainspring.enqueue(ARRAY['t'], payloads => ARRAY[$json${json}$json$])");
        let refused = conn.batch_execute(&sql).unwrap_err().to_string();
        assert!(refused.starts_with("payload must be JSON that PostgreSQL can hold"), "{json}: {refused}");
    }
    for json in texts(&["\\u0000"]) {
        let refused = NewJob::from_json("t", &json).unwrap_err().to_string();
        assert_eq!(refused, "payload must not contain the character NUL, got one", "{json}");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
}

#[tokio::test]
async fn pairs_and_the_letters_of_an_escape_are_text() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    let all = texts(&WHOLE);
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    for (number, json) in all.iter().enumerate() {
        NewJob::from_json("t", json).unwrap().insert(&mut conn).unwrap();
        scheduler.enqueue_many(vec![NewJob::from_json("t", json).unwrap()]).await.unwrap();
        let payload: serde_json::Value = serde_json::from_str(&format!("{{\"a\": {json}}}")).unwrap();
        let schedule = NewSchedule::new(format!("s{number}"), "t", "@yearly").payload(payload);
        scheduler.schedules().create(schedule).await.unwrap();
    }
    scheduler.stop().await;
    assert_eq!(count(&mut conn, "mainspring.jobs"), 2 * all.len() as i64);
    assert_eq!(count(&mut conn, "mainspring.schedules"), all.len() as i64);
}
