//! Schedules and crontab lines: a fire has the version of the payload that was stored.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::{Cron, NewSchedule, ScheduleChanges};
use serde_json::json;

use super::{First, Third, new, old};
use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::until;

const NEVER: &str = "0 0 1 1 *";

#[tokio::test]
async fn a_schedule_of_an_old_program_fires_for_a_new_one() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let mail = First { to: "ada".into() };
    mainspring::schedules::create(conn, &NewSchedule::of("yearly", &mail, NEVER).unwrap()).unwrap();
    let (builder, mut got) = new(&database);
    let scheduler = builder.start().await.unwrap();
    let schedules = scheduler.schedules();
    let fire = || schedules.trigger("yearly");
    fire().await.unwrap();
    assert_eq!(got.next().await, (0, "ada".to_owned()));
    // A new payload is of the version of this process, and one in SQL of the published version.
    let change = ScheduleChanges::new().payload(json!({"recipients": ["grace"]}));
    let row = schedules.update("yearly", change).await.unwrap();
    assert_eq!(row.version, Some(2));
    fire().await.unwrap();
    assert_eq!(got.next().await, (2, "grace".to_owned()));
    for changes in ["{\"payload\": {\"to\": \"joan\"}, \"version\": 0}", "{\"priority\": 3}"] {
        conn.batch_execute(&format!("SELECT mainspring.update_schedule('yearly', '{changes}')")).unwrap();
        fire().await.unwrap();
        assert_eq!(got.next().await, (0, "joan".to_owned()), "{changes}");
    }
    conn.batch_execute(
        "SELECT mainspring.update_schedule('yearly', '{\"payload\": {\"recipients\": [\"ada\"]}}')",
    )
    .unwrap();
    fire().await.unwrap();
    assert_eq!(got.next().await, (2, "ada".to_owned()));
    scheduler.stop().await;
}

#[tokio::test]
async fn without_a_type_a_schedule_has_the_version_here_or_the_published_one() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    let create = |conn: &mut PgConnection, name: &str| {
        conn.batch_execute(&format!("SELECT mainspring.create_schedule('{name}', 'mail', '{NEVER}')"))
            .unwrap();
    };
    create(conn, "before");
    let (builder, _got) = new(&database);
    let new = builder.start().await.unwrap();
    create(conn, "by sql");
    let row = |name: &str| NewSchedule::new(name, "mail", NEVER).payload(json!({"recipients": []}));
    assert_eq!(new.schedules().create(row("new")).await.unwrap().version, Some(2));
    new.stop().await;
    let (builder, _got) = old(&database);
    let old = builder.start().await.unwrap();
    let row = NewSchedule::new("old", "mail", NEVER).payload(json!({"to": "ada"}));
    assert_eq!(old.schedules().create(row).await.unwrap().version, Some(0));
    old.stop().await;
    let stored =
        |name: &str, version| format!("mainspring.schedules WHERE name = '{name}' AND version {version}");
    assert_eq!(count(conn, &stored("by sql", "= 2")), 1);
    assert_eq!(count(conn, &stored("before", "IS NULL")), 1);
    let refused =
        conn.batch_execute("SELECT mainspring.update_schedule('old', '{\"version\": -1}')").unwrap_err();
    assert!(refused.to_string().contains("version must be 0 to 2147483647, got -1"), "{refused}");
}

#[tokio::test]
async fn a_crontab_line_has_the_version_of_the_program_that_stored_it_last() {
    let database = TestDatabase::new();
    let line = |version: i32| format!("mainspring.schedules WHERE owner = 'code' AND version = {version}");
    let (builder, mut got) = old(&database);
    let old = builder.crontab("* * * * * * mail {to: 'ada'}").start().await.unwrap();
    assert_eq!(got.next().await, (0, "ada".to_owned()));
    until(&database, &line(0), 1).await;
    let (builder, mut got) = new(&database);
    let new = builder
        .cron(Cron::new("* * * * * *", Third { recipients: vec!["grace".into()] }))
        .start()
        .await
        .unwrap();
    until(&database, &line(2), 1).await;
    while got.next().await != (2, "grace".to_owned()) {}
    // The old process fires it too, and leaves its jobs to the other one.
    old.stop().await;
    new.stop().await;
    let ended_otherwise = "mainspring.jobs WHERE state IN ('held', 'dead') OR last_error IS NOT NULL";
    assert_eq!(count(&mut database.connection(), ended_otherwise), 0);
}
