//! Signals: an approval, or the news of a webhook, for which jobs wait.

use mainspring::{Wait, jobs};
use serde_json::json;

use super::{place_of, until_place};
use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};

#[tokio::test]
async fn a_signal_reaches_those_that_wait_and_those_that_come_later() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.poll_interval(SLOW_POLL).start().await.unwrap();
    let early = act("early").after(Wait::signal("paid")).insert(conn).unwrap();
    let other = act("other").after(Wait::signal("refunded")).insert(conn).unwrap();
    assert!(scheduler.signal("paid", &json!({"by": "card"})).await.unwrap());
    assert_eq!(started.next().await.id, early);
    let late = act("late").after(Wait::signal("paid")).insert(conn).unwrap();
    assert_eq!(started.next().await.id, late);
    until_place(&database, late, "succeeded").await;
    assert_eq!(place_of(&database, other), "waiting");
    scheduler.stop().await;
}

#[test]
fn of_several_signals_of_one_name_the_first_stands() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    assert!(jobs::signal(conn, "decided", &json!("yes")).unwrap());
    assert!(!jobs::signal(conn, "decided", &json!("no")).unwrap());
    assert_eq!(count(conn, "mainspring.signals WHERE payload = '\"yes\"'"), 1);
}

#[test]
fn a_signal_without_a_name_or_with_a_bad_value_is_refused() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let refused = |name: &str, value: &serde_json::Value, part: &str| {
        let error = jobs::signal(&mut database.connection(), name, value).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    refused("", &json!(1), "must be 1 to 256 characters");
    refused(&"x".repeat(257), &json!(1), "257");
    refused("a\0b", &json!(1), "NUL");
    refused("a", &json!("a\0b"), "value");
    refused("a", &json!("x".repeat(2 << 20)), "value must be at most");
    assert_eq!(count(conn, "mainspring.signals"), 0);
}
