//! A publication of all tables rejects updates and deletes in tables without an identity. None of ours is without one.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::{NewSchedule, schedules};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::schedulers::scheduler;
use crate::support::waiting::until;

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
    /// A column that may be set to itself.
    #[diesel(sql_type = Text)]
    column: String,
}

fn tables(conn: &mut PgConnection) -> Vec<Table> {
    sql_query(
        "SELECT c.relname::text AS name, min(a.attname)::text AS \"column\" FROM pg_class AS c \
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND a.attidentity = '' AND NOT a.attisdropped \
         WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.relname ORDER BY 1",
    )
    .load(conn)
    .unwrap()
}

/// A database with a publication of all tables, and partitions of history that were made after it.
fn published() -> TestDatabase {
    let database = TestDatabase::new();
    database
        .connection()
        .batch_execute(
            "SELECT mainspring.prepare_history(); CREATE PUBLICATION everything FOR ALL TABLES; \
             SELECT mainspring.prepare_history(now() + interval '30 days')",
        )
        .unwrap();
    database
}

#[test]
fn every_table_and_partition_has_an_identity_for_replication() {
    let database = published();
    let mut conn = database.connection();
    let without = "pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p') \
        AND c.relreplident <> 'f' \
        AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)";
    assert_eq!(count(&mut conn, without), 0);
}

#[test]
fn a_publication_of_all_tables_lets_every_table_be_changed() {
    let database = published();
    let mut conn = database.connection();
    conn.batch_execute("CREATE TABLE public.without_a_key AS SELECT 1 AS one").unwrap();
    let control = conn.batch_execute("DELETE FROM public.without_a_key");
    assert!(control.is_err(), "the server checks identities");
    let tables = tables(&mut conn);
    assert!(tables.iter().filter(|table| table.name.starts_with("history_")).count() >= 8);
    for Table { name, column } in tables {
        let change = format!(
            "BEGIN; UPDATE mainspring.{name} SET {column} = {column}; DELETE FROM mainspring.{name}; ROLLBACK"
        );
        conn.batch_execute(&change).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn jobs_fires_and_retention_go_on_under_a_publication_of_all_tables() {
    let database = published();
    let mut conn = database.connection();
    schedules::create(&mut conn, &NewSchedule::new("each", "act", "* * * * * *")).unwrap();
    schedules::trigger(&mut conn, "each").unwrap();
    conn.batch_execute(
        "UPDATE mainspring.schedule_fires SET fired_at = fired_at - interval '2 days'; \
         INSERT INTO mainspring.jobs (task, state, attempts, max_attempts, run_at, updated_at) \
             VALUES ('old', 'dead', 1, 1, now(), now() - interval '2 days')",
    )
    .unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.dead_retention(Duration::from_secs(60)).start().await.unwrap();
    scheduler.enqueue(act("once")).await.unwrap();
    while started.next().await.act != "once" {}
    until(&database, "mainspring.jobs WHERE task = 'old'", 0).await;
    until(&database, "mainspring.schedule_fires WHERE fired_at < now() - interval '1 day'", 0).await;
    scheduler.stop().await;
    assert!(count(&mut conn, "mainspring.history WHERE outcome = 'succeeded'") > 0);
}
