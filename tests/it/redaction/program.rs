//! The command line has no types: it shows a payload whole, or not at all.

use mainspring::{NewJob, NewSchedule, Task, schedules};
use serde_json::json;

use super::{Login, MARK, OPEN, Plain, SECRET, payload, shown, with_types};
use crate::cli::{answer, assert_refused, json as read, on};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

#[tokio::test]
async fn payloads_of_tasks_that_may_redact_are_not_shown() {
    let database = TestDatabase::new();
    with_types(&database).await.stop().await;
    let mut conn = database.connection();
    for task in [Login::NAME, Plain::NAME, "redaction.none"] {
        let id = NewJob::new(task, &payload(SECRET)).insert(&mut conn).unwrap().to_string();
        let schedule = NewSchedule::new(task, task, "@daily").payload(payload(SECRET));
        schedules::create(&mut conn, &schedule).unwrap();
        let expected = if task == Plain::NAME { payload(SECRET) } else { json!(MARK) };
        let shown = read(on(&database, &["jobs", "show", &id, "--payload", "--json"]));
        assert_eq!(shown["payload"], expected, "{task}");
        let shown = read(on(&database, &["schedules", "show", task, "--json"]));
        assert_eq!(shown["schedule"]["payload"], expected, "{task}");
        let listed = read(on(&database, &["schedules", "list", "--task", task, "--json"]));
        assert_eq!(listed[0]["payload"], expected, "{task}");
        let told = [
            answer(on(&database, &["jobs", "show", &id, "--payload"])),
            answer(on(&database, &["schedules", "show", task])),
        ];
        for told in told {
            assert_eq!(
                (told.contains(SECRET), told.contains(OPEN)),
                (task == Plain::NAME, task == Plain::NAME)
            );
        }
    }
}

#[test]
fn the_mark_is_refused_where_a_value_belongs() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    schedules::create(
        &mut conn,
        &NewSchedule::new("nightly", Login::NAME, "@daily").payload(payload(SECRET)),
    )
    .unwrap();
    let marked = shown().to_string();
    for arguments in [
        &["enqueue", Login::NAME, &marked][..],
        &["schedules", "create", "new", Login::NAME, "@daily", &marked],
        &["schedules", "update", "nightly", "--payload", &marked],
    ] {
        assert_refused(on(&database, arguments), 2, "stands for a value that is not shown: write the value");
    }
    assert_eq!(count(&mut conn, "mainspring.jobs"), 0);
    assert_eq!(count(&mut conn, "mainspring.schedules WHERE payload->>'password' = 'value-5tapl3'"), 1);
}
