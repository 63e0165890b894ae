//! `schedules` and `cron explain`: the life of a schedule by the command line, and what is refused.

use super::{answer, assert_refused, json, on, program};
use crate::support::database::TestDatabase;
use crate::support::rows::count;

fn schedules(database: &TestDatabase, arguments: &[&str]) -> std::process::Output {
    on(database, &[&["schedules"], arguments].concat())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

const CREATE: [&str; 23] = [
    "create",
    "nightly",
    "note",
    "30 2 1 1 *",
    r#"{"n": 1}"#,
    "--zone",
    "Europe/Berlin",
    "--queue",
    "q",
    "--priority",
    "-2",
    "--max-attempts",
    "3",
    "--overlap",
    "skip",
    "--key",
    "k",
    "--catch-up",
    "7",
    "--jitter",
    "1m30s",
    "--ends-at",
    "2100-01-01T00:00:00Z",
];

#[test]
fn a_schedule_is_made_changed_fired_paused_and_deleted() {
    let database = TestDatabase::new();
    database.publish_unredacted("note");
    assert_eq!(answer(schedules(&database, &CREATE)), "created nightly\n");
    let listed = json(schedules(&database, &["list", "--json"]));
    let row = &listed[0];
    assert_eq!(
        (&row["task"], &row["zone"], &row["payload"]["n"]),
        (&"note".into(), &"Europe/Berlin".into(), &1.into())
    );
    assert_eq!(
        (&row["queue"], &row["priority"], &row["max_attempts"]),
        (&"q".into(), &(-2).into(), &3.into())
    );
    assert_eq!((&row["overlap"], &row["key"], &row["catch_up"]), (&"skip".into(), &"k".into(), &7.into()));
    assert_eq!((&row["jitter_seconds"], row["next_fires"].as_array().unwrap().len()), (&90.into(), 5));

    let status = answer(on(&database, &["status"]));
    assert!(status.contains("schedules whose jobs will not succeed: 1; see"), "{status}");
    let table = lines(&answer(schedules(&database, &["list"])));
    assert!(table[1].ends_with("no living worker knows the task"), "{table:?}");

    let update =
        ["update", "nightly", "--expression", "@daily", "--zone", "UTC", "--no-queue", "--no-ends-at"];
    assert_eq!(answer(schedules(&database, &update)), "updated nightly\n");
    let id = answer(schedules(&database, &["trigger", "nightly"])).trim().to_owned();
    assert_eq!(
        count(&mut database.connection(), &format!("mainspring.jobs WHERE id = {id} AND key = 'k'")),
        1
    );
    assert_refused(schedules(&database, &["trigger", "nightly"]), 1, "overlap policy is skip");

    let shown = json(schedules(&database, &["show", "nightly", "--json"]));
    assert_eq!((&shown["schedule"]["queue"], &shown["schedule"]["ends_at"]), (&().into(), &().into()));
    let outcomes: Vec<_> =
        shown["fires"].as_array().unwrap().iter().map(|fire| fire["outcome"].as_str()).collect();
    assert_eq!(outcomes, [Some("skipped"), Some("enqueued")]);
    assert_eq!(answer(schedules(&database, &["pause", "nightly"])), "paused nightly\n");
    let table = lines(&answer(schedules(&database, &["list"])));
    assert_eq!(table[0], "NAME TASK EXPRESSION ZONE NEXT FIRE LAST FIRE OUTCOME JOB STATE WARNING");
    assert!(table[1].starts_with("nightly note @daily UTC paused 2"), "{table:?}");
    assert_eq!(answer(schedules(&database, &["resume", "nightly"])), "resumed nightly\n");
    let shown = lines(&answer(schedules(&database, &["show", "nightly"])));
    assert!(shown.contains(&"in words at 00:00 every day".to_owned()), "{shown:?}");
    assert_eq!(shown.iter().filter(|line| line.starts_with("next fire")).count(), 5);
    assert_eq!(answer(schedules(&database, &["delete", "nightly"])), "deleted nightly\n");
    assert_eq!(lines(&answer(schedules(&database, &["list"]))).len(), 1);
}

#[test]
fn what_cannot_be_done_is_told_in_one_line() {
    let database = TestDatabase::new();
    for command in ["show", "pause", "resume", "delete", "trigger", "update"] {
        assert_refused(schedules(&database, &[command, "x"]), 1, "there is no schedule `x`");
    }
    assert_refused(
        schedules(&database, &["create", "a", "t", "61 * * * *"]),
        1,
        "must have a minute from 0 to 59",
    );
    assert_refused(schedules(&database, &["create", "a", "t", "@daily", "{"]), 2, "the payload must be JSON");
    assert_refused(
        schedules(&database, &["create", "a", "t", "@daily", "--catch-up", "x"]),
        2,
        "none, last or a number",
    );
    assert_refused(
        schedules(&database, &["create", "a", "t", "@daily", "--key", "k"]),
        1,
        "key must go with the overlap",
    );
    answer(schedules(&database, &["create", "a", "t", "@daily"]));
    assert_refused(
        schedules(&database, &["create", "a", "t", "@daily"]),
        1,
        "there is already a schedule `a`",
    );
}

#[test]
fn explain_says_an_expression_in_words() {
    let explain = |text| program(&["cron", "explain", text]).output().unwrap();
    assert_eq!(
        answer(explain("*/15 9-17 * * mon-fri")),
        "every 15 minutes in hours 9 to 17 on Monday to Friday\n"
    );
    assert_refused(explain("0 0 31 2 *"), 2, "a day that exists in one of the months");
}
