//! Texts that the database does not hold: NUL, characters that its encoding lacks, and endless ones.

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::database;

use super::{end, ending, ending_on};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{until, until_on};

const ALL_ENDED: &str =
    "mainspring.jobs WHERE state IN ('ready', 'running') OR (state = 'scheduled' AND attempts = 0)";
const WAYS: [&str; 4] = ["fail", "panic", "discard", "cancel"];

#[actix_web::test]
async fn a_nul_in_any_reason_stops_no_outcome_and_is_replaced() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let scheduler = ending(&database).start().await.unwrap();
    for way in WAYS {
        scheduler.enqueue(end(way, "nul\0in text", 1)).await.unwrap();
    }
    for _ in 0..3 {
        scheduler.enqueue(end("succeed", "", 0)).await.unwrap();
    }
    until(&database, ALL_ENDED, 0).await;
    assert_eq!(count(conn, "mainspring.jobs WHERE last_error LIKE '%nul\u{fffd}in text'"), 3);
    assert_eq!(count(conn, "mainspring.history WHERE reason = 'nul\u{fffd}in text'"), 1);
    assert_eq!(count(conn, "mainspring.history WHERE outcome = 'succeeded'"), 3);
    scheduler.stop().await;
    assert_eq!(count(conn, "mainspring.workers"), 0);
}

#[derive(QueryableByName)]
struct Error {
    #[diesel(sql_type = Text)]
    last_error: String,
}

#[actix_web::test]
async fn an_endless_error_is_stored_cut_and_says_how_much_is_missing() {
    let database = TestDatabase::new();
    let scheduler = ending(&database).start().await.unwrap();
    scheduler.enqueue(end("fail", "\u{1f600}x", 10_000)).await.unwrap();
    until(&database, ALL_ENDED, 0).await;
    let row: Error =
        sql_query("SELECT last_error FROM mainspring.jobs").get_result(&mut database.connection()).unwrap();
    let kept = "\u{1f600}x".repeat(4_000);
    assert_eq!(row.last_error.strip_prefix(&kept), Some(" .. (12,000 more characters cut)"));
    scheduler.stop().await;
}

#[actix_web::test]
async fn a_character_that_the_encoding_lacks_is_escaped_in_that_job_alone() {
    let home = TestDatabase::empty();
    let latin = Latin1::beside(&home);
    let conn = &mut PgConnection::establish(&latin.url).unwrap();
    database::migrate(conn).unwrap();
    let scheduler = ending_on(&latin.url).worker_name("latin").start().await.unwrap();
    let mut jobs: Vec<_> = WAYS.iter().map(|way| end(way, "5 \u{20ac} or \u{e9}", 1)).collect();
    jobs.extend((0..20).map(|_| end("fail", "caf\u{e9}", 1)));
    for job in jobs {
        scheduler.enqueue(job).await.unwrap();
    }
    until_on(conn, std::time::Duration::from_millis(5), ALL_ENDED, 0).await;
    assert_eq!(
        count(conn, "mainspring.jobs WHERE last_error LIKE E'%5 \\\\\\\\u{20ac} or \\\\\\\\u{e9}'"),
        3
    );
    assert_eq!(count(conn, "mainspring.history WHERE reason LIKE '5 %'"), 1);
    assert_eq!(count(conn, "mainspring.jobs WHERE last_error = 'caf\u{e9}'"), 20);
    scheduler.stop().await;
}

/// A database in LATIN1, dropped at the end.
struct Latin1 {
    url: String,
    name: String,
    home: String,
}

impl Latin1 {
    fn beside(home: &TestDatabase) -> Self {
        let (start, parameters) = home.url().split_once('?').map_or_else(
            || (home.url(), String::new()),
            |(start, parameters)| (start.to_owned(), format!("?{parameters}")),
        );
        let (server, own) = start.rsplit_once('/').unwrap();
        let name = format!("{own}_latin");
        let make = format!(
            "CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        );
        home.connection().batch_execute(&make).unwrap();
        Self { url: format!("{server}/{name}{parameters}"), name, home: home.url() }
    }
}

impl Drop for Latin1 {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        PgConnection::establish(&self.home).unwrap().batch_execute(&drop).unwrap();
    }
}
