//! A history that cannot be written keeps no job running.

use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_query};

use super::{end, ending};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

const DROP_ALL_PARTITIONS: &str = "DO $$ DECLARE partition text; BEGIN \
    FOR partition IN SELECT i.inhrelid::regclass::text FROM pg_inherits AS i \
        WHERE i.inhparent = 'mainspring.history'::regclass \
    LOOP EXECUTE 'DROP TABLE ' || partition; END LOOP; END $$";

#[actix_web::test]
async fn a_missing_partition_of_today_is_made_when_outcomes_are_stored() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let scheduler = ending(&database).start().await.unwrap();
    until(&database, "pg_inherits WHERE inhparent = 'mainspring.history'::regclass", 4).await;
    // As after days of suspend: what was prepared lies in the past.
    conn.batch_execute(DROP_ALL_PARTITIONS).unwrap();
    for _ in 0..3 {
        scheduler.enqueue(end("succeed", "", 0)).await.unwrap();
    }
    until(&database, "mainspring.jobs", 0).await;
    assert_eq!(count(conn, "mainspring.history"), 3);
    scheduler.stop().await;
}

#[actix_web::test]
async fn jobs_end_without_lines_where_the_history_refuses_or_is_locked() {
    for trouble in
        ["ALTER TABLE mainspring.history ADD CHECK (task <> 'end')", "BEGIN; LOCK TABLE mainspring.history"]
    {
        let database = TestDatabase::new();
        let mut other = database.connection();
        let scheduler = ending(&database).start().await.unwrap();
        other.batch_execute(trouble).unwrap();
        for way in ["succeed", "cancel", "fail", "succeed"] {
            scheduler.enqueue(end(way, "so", 1)).await.unwrap();
        }
        until(&database, "mainspring.jobs WHERE state <> 'scheduled'", 0).await;
        until(&database, "mainspring.jobs", 1).await;
        scheduler.stop().await;
    }
}

#[test]
fn absurd_retentions_and_moments_are_refused_with_the_field_named() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let partitions = "pg_inherits WHERE inhparent = 'mainspring.history'::regclass";
    let before = count(conn, partitions);
    let refused = [
        ("drop_history('-30 days')", "retention must be 0 to 1000 years, got -30 days"),
        ("drop_history('170000 years')", "retention must be 0 to 1000 years"),
        ("drop_history(NULL)", "retention must be 0 to 1000 years, got NULL"),
        ("delete_dead_jobs('-1 s')", "older_than must be 0 to 1000 years, got -00:00:01"),
        ("delete_dead_jobs('170000 years')", "older_than must be 0 to 1000 years"),
        ("delete_dead_jobs('1 day', -1)", "most must be at least 0, got -1"),
        ("prepare_history('infinity')", "moment must be in the years 2 to 9998, got infinity"),
        ("prepare_history('-infinity')", "moment must be in the years 2 to 9998, got -infinity"),
        ("prepare_history('20000-01-01')", "moment must be in the years 2 to 9998"),
        ("prepare_history('4000-01-01 BC')", "moment must be in the years 2 to 9998"),
        ("prepare_history(NULL)", "moment must be in the years 2 to 9998, got NULL"),
    ];
    for (call, message) in refused {
        let error = sql_query(format!("SELECT mainspring.{call}")).execute(conn).unwrap_err();
        assert!(error.to_string().contains(message), "{call}: {error}");
    }
    assert_eq!(count(conn, partitions), before);
}

#[test]
fn a_partition_that_was_restored_without_its_place_is_attached_again() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute(
        "SELECT mainspring.prepare_history(); DO $$ BEGIN EXECUTE format(\
         'ALTER TABLE mainspring.history DETACH PARTITION mainspring.history_%s', \
         to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')); END $$",
    )
    .unwrap();
    let missing = "(SELECT unnest(mainspring.missing_history((now() AT TIME ZONE 'UTC')::date))) AS d";
    assert_eq!(count(conn, missing), 1);
    conn.batch_execute("SELECT mainspring.prepare_history()").unwrap();
    assert_eq!(count(conn, missing), 0);
}
