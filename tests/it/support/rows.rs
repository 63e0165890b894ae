//! Rows of a test's database: how many meet a condition, and all that matter, as text.

use std::fmt::Write;

use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows follow the word `FROM`: a table, with or without a condition.
pub fn count(conn: &mut PgConnection, from: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS rows FROM {from}")).get_result::<Count>(conn).unwrap().rows
}

/// Of the sessions of the test's database, those that wait for a row another transaction holds.
pub const WAITS_FOR_A_ROW: &str =
    "pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'";

/// Of the sessions of the test's database, all but the one that runs this query.
pub const OTHER_SESSIONS: &str = "pg_stat_activity WHERE datname = current_database() \
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// The session of a scheduler that receives notifications. At rest its last query is an empty one, which asks whether the
/// server still replies.
pub const LISTENING_SESSION: &str = "pg_stat_activity WHERE datname = current_database() \
    AND application_name LIKE 'mainspring listen %' \
    AND (query LIKE '%; LISTEN %' OR query = '' AND query_start IS NOT NULL)";

const MOST_ROWS: usize = 30;
// Payloads may be large, and are rarely the point.
const DUMPED: [(&str, &str); 4] = [
    ("jobs", "SELECT to_jsonb(r) - 'payload' AS row, id FROM mainspring.jobs AS r ORDER BY id"),
    ("queues", "SELECT to_jsonb(r) AS row, name FROM mainspring.queues AS r ORDER BY name"),
    ("workers", "SELECT to_jsonb(r) AS row, id FROM mainspring.workers AS r ORDER BY id"),
    (
        "history, the last first",
        "SELECT to_jsonb(r) - 'payload' AS row, id FROM mainspring.history AS r ORDER BY finished_at DESC, id DESC",
    ),
];

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

/// The rows that explain why a wait failed: jobs, queues, workers and the last history.
pub fn dump(url: &str) -> String {
    match PgConnection::establish(url) {
        Ok(mut conn) => dump_on(&mut conn),
        Err(error) => format!("the rows cannot be read: {error}"),
    }
}

pub fn dump_on(conn: &mut PgConnection) -> String {
    let mut text = String::new();
    for (name, query) in DUMPED {
        let limited = format!(
            "SELECT jsonb_strip_nulls(row)::text AS row FROM ({query} LIMIT {}) AS rows",
            MOST_ROWS + 1
        );
        match sql_query(limited).load::<Row>(conn) {
            Ok(rows) => describe(&mut text, name, &rows),
            Err(error) => writeln!(text, "{name}: {error}").unwrap(),
        }
    }
    text
}

fn describe(text: &mut String, name: &str, rows: &[Row]) {
    writeln!(text, "{name}:{}", if rows.is_empty() { " none" } else { "" }).unwrap();
    for Row { row } in rows.iter().take(MOST_ROWS) {
        writeln!(text, "  {row}").unwrap();
    }
    if rows.len() > MOST_ROWS {
        writeln!(text, "  and more").unwrap();
    }
}
