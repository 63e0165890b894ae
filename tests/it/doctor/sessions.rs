//! Transactions that are open for long. Prepared ones and slots are in `server.rs`.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use mainspring::doctor::{Code, Options};

use super::{carry_out, findings, of_code, report};
use crate::support::database::TestDatabase;
use crate::support::waiting::block_until;

#[test]
fn a_session_that_pins_the_horizon_is_ended() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "SET application_name = 'nightly report'; BEGIN ISOLATION LEVEL REPEATABLE READ; \
         SELECT 'a secret', count(*) FROM mainspring.jobs",
    )
    .unwrap();
    assert_eq!(findings(&database.url(), Code::TransactionOpenLong), []);
    let at_once = Options::new().longest_transaction(Duration::ZERO);
    let open = || of_code(report(&database.url(), &at_once), Code::TransactionOpenLong);
    let found = open();
    assert_eq!(found.len(), 1, "{found:?}");
    let text = &found[0].found;
    assert!(text.contains("nightly report") && text.contains("idle in transaction"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    carry_out(&database.url(), &found[0].cure);
    block_until("the session is gone", || open().is_empty());
    conn.batch_execute("SELECT 1").unwrap_err();
}

#[test]
fn a_session_without_a_snapshot_or_a_change_pins_nothing() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute("BEGIN; SELECT 1").unwrap();
    let at_once = Options::new().longest_transaction(Duration::ZERO);
    assert_eq!(of_code(report(&database.url(), &at_once), Code::TransactionOpenLong), []);
}
