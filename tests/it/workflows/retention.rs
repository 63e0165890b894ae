//! When workflows are forgotten.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::{Scheduler, Wait, Workflow};

use crate::support::database::TestDatabase;
use crate::support::jobs::act;
use crate::support::rows::count;
use crate::support::waiting::until;

/// Adds a workflow whose one job waits for ever, or is gone.
fn old(conn: &mut PgConnection, name: &str, kept: bool) {
    let added = Workflow::new(name).job("a", act("a").after(Wait::signal("never"))).insert(conn).unwrap();
    conn.batch_execute("UPDATE mainspring.workflows SET created_at = now() - interval '60 days'").unwrap();
    if !kept {
        conn.batch_execute(&format!("DELETE FROM mainspring.jobs WHERE id = {}", added.jobs[0])).unwrap();
    }
}

#[tokio::test]
async fn an_old_workflow_is_deleted_once_all_its_jobs_are_gone() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    old(conn, "stays", true);
    old(conn, "goes", false);
    Workflow::new("young").job("a", act("a")).insert(conn).unwrap();
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE state = 'ready'").unwrap();
    let scheduler = Scheduler::builder(database.url()).start().await.unwrap();
    until(&database, "mainspring.workflows WHERE name = 'goes'", 0).await;
    assert_eq!(count(conn, "mainspring.workflows WHERE name IN ('stays', 'young')"), 2);
    assert_eq!(count(conn, "mainspring.workflow_jobs"), 2);
    scheduler.stop().await;
}

#[test]
fn a_sweep_deletes_no_more_than_it_may_and_goes_on_where_it_ended() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    for place in 0..25 {
        old(conn, "w", place % 5 == 0);
    }
    conn.batch_execute(
        "CREATE TABLE swept AS SELECT * FROM mainspring.sweep_workflows('30 days', 0, 1); \
         INSERT INTO swept SELECT s.* FROM swept AS b, mainspring.sweep_workflows('30 days', b.last_id, 30) AS s",
    )
    .unwrap();
    assert_eq!(count(conn, "swept WHERE done = 1 AND last_id = 0"), 1, "it has more behind the same id");
    assert_eq!(count(conn, "swept WHERE done = 19 AND last_id IS NULL"), 1);
    assert_eq!((count(conn, "mainspring.workflows"), count(conn, "mainspring.workflow_jobs")), (5, 5));
}
