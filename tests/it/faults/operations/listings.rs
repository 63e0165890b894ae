//! Listings show what is there: no row that SQL or a restore can write makes one fail.

use diesel::connection::SimpleConnection;
use mainspring::history::{self, HistoryFilter};
use mainspring::jobs::{self, JobFilter};
use mainspring::schedules::{self, ScheduleFilter};
use mainspring::status;

use crate::cli::{answer, json, on};
use crate::support::database::TestDatabase;

/// Times that the database holds, and Rust or other programs may not.
const TIMES: [&str; 7] = [
    "infinity",
    "-infinity",
    "294276-12-31 23:59:59+00",
    "262143-06-01 00:00:00+00",
    "10000-01-01 00:00:00+00",
    "0044-03-15 00:00:00+00 BC",
    "4714-11-24 00:00:00+00 BC",
];

// A restore may bring rows that no check has seen, so the checks go first.
const WITHOUT_CHECKS: &str = "DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
        WHERE connamespace = 'mainspring'::regnamespace AND contype = 'c' AND coninhcount = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relation, c.conname);
    END LOOP; END $$;
    SELECT mainspring.create_schedule('good', 'note', '0 0 1 1 *');
    CREATE TABLE mainspring.history_of_old PARTITION OF mainspring.history DEFAULT;";

/// A database whose tables hold each time in each of their columns of times, beside good rows.
fn hostile() -> TestDatabase {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(WITHOUT_CHECKS).unwrap();
    for (number, time) in TIMES.into_iter().enumerate() {
        conn.batch_execute(&format!(
            "INSERT INTO mainspring.jobs (task, state, run_at, turn_at, created_at, updated_at) \
                 SELECT 'note', s::mainspring.job_state, t, t, t, t FROM (VALUES (timestamptz '{time}')) AS v(t), \
                 unnest('{{scheduled,ready,dead}}'::text[]) AS s; \
             INSERT INTO mainspring.jobs (task, state, run_at, locked_at, lease, worker_id, queue) \
                 VALUES ('note', 'running', '{time}', '{time}', 1, 1, 'q'); \
             INSERT INTO mainspring.history (finished_at, started_at, created_at, run_at, id, priority, attempts, outcome, task) \
                 VALUES ('{time}', '{time}', '{time}', '{time}', {number}, 0, 1, 'succeeded', 'note'); \
             INSERT INTO mainspring.schedules (name, task, expression, zone, catch_up, jitter_seconds, priority, max_attempts, \
                     paused, overlap, payload, next_fire_at, starts_at, ends_at, last_fire_at, created_at, updated_at) \
                 VALUES ('s{number}', 'note', '* * * * *', 'UTC', 1, 0, 0, 25, false, 'allow', '{{}}', \
                     '{time}', '{time}', '{time}', '{time}', '{time}', '{time}'); \
             INSERT INTO mainspring.schedule_fires (fired_at, due_at, triggered, schedule, outcome) \
                 VALUES ('{time}', '{time}', false, 'good', 'missed'); \
             INSERT INTO mainspring.workers (name, tasks, timeout, started_at, heartbeat_at) \
                 VALUES ('w{number}', '{{note}}', '170000000 years', '{time}', '{time}'); \
             INSERT INTO mainspring.queues (name, paused, updated_at, tokens_at, last_turn) \
                 VALUES ('q{number}', true, '{time}', '{time}', '{time}')"
        ))
        .unwrap();
    }
    conn.batch_execute("INSERT INTO mainspring.all_paused (paused_at) VALUES ('infinity')").unwrap();
    database
}

#[test]
fn every_listing_shows_rows_with_any_time_of_the_database() {
    let database = hostile();
    let mut conn = database.connection();
    assert_eq!(jobs::list(&mut conn, &JobFilter::new()).unwrap().len(), 4 * TIMES.len());
    assert_eq!(history::list(&mut conn, &HistoryFilter::new()).unwrap().len(), TIMES.len());
    assert_eq!(schedules::list(&mut conn, &ScheduleFilter::new()).unwrap().len(), TIMES.len() + 1);
    assert_eq!(schedules::fires(&mut conn, "good", 100).unwrap().len(), TIMES.len());
    let found = status::read(&mut conn).unwrap();
    assert_eq!((found.workers.len(), found.queues.len()), (TIMES.len(), TIMES.len() + 1));
    assert!(found.paused_since.is_some());
    for command in [
        &["jobs", "list"][..],
        &["jobs", "show", "1"],
        &["jobs", "history"],
        &["schedules", "list"],
        &["schedules", "show", "good"],
        &["schedules", "show", "s0"],
        &["workers", "list"],
        &["queues", "list"],
        &["status"],
    ] {
        let printed = answer(on(&database, command));
        assert!(printed.lines().count() >= 3, "{command:?}: {printed}");
        json(on(&database, &[command, &["--json"]].concat()));
    }
    answer(on(&database, &["cleanup"]));
}

#[test]
fn payloads_that_no_reader_can_parse_are_shown_as_text() {
    let database = TestDatabase::new();
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    let mut conn = database.connection();
    conn.batch_execute(WITHOUT_CHECKS).unwrap();
    for (number, payload) in ["{\"n\": 1e400}", &format!("{{\"n\": {deep}}}")].into_iter().enumerate() {
        conn.batch_execute(&format!(
            "INSERT INTO mainspring.jobs (task, state, run_at, payload) VALUES ('note', 'ready', now(), '{payload}'); \
             INSERT INTO mainspring.schedules (name, task, expression, zone, catch_up, jitter_seconds, priority, \
                     max_attempts, paused, overlap, payload) \
                 VALUES ('s{number}', 'note', '0 0 1 1 *', 'UTC', 1, 0, 0, 25, false, 'allow', '{payload}')"
        ))
        .unwrap();
    }
    assert_eq!(json(on(&database, &["schedules", "list", "--json"])).as_array().unwrap().len(), 3);
    for id in ["1", "2"] {
        let shown = json(on(&database, &["jobs", "show", id, "--payload", "--json"]));
        assert!(shown["payload"].is_string());
    }
    for name in ["s0", "s1"] {
        assert!(
            json(on(&database, &["schedules", "show", name, "--json"]))["schedule"]["payload"].is_string()
        );
        answer(on(&database, &["schedules", "show", name]));
    }
}

#[test]
fn a_table_shows_no_character_that_turns_or_hides_the_rest_of_its_line() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "SELECT mainspring.add_job(U&'a\\202Eb\\200Bc\\FEFFd\\2066', queue => U&'q\\202Eq', key => U&'k\\+0E0041k'); \
         SELECT mainspring.create_schedule(U&'s\\202Es', U&'t\\200Ft', '0 0 1 1 *'); \
         UPDATE mainspring.jobs SET state = 'dead', last_error = U&'e\\202Ee'; \
         INSERT INTO mainspring.queues (name, paused) VALUES (U&'p\\061Cp', true); \
         INSERT INTO mainspring.workers (name, tasks, timeout) VALUES (U&'w\\202Ew', ARRAY[U&'t\\2028t'], '1 hour')",
    )
    .unwrap();
    for command in [
        &["jobs", "list"][..],
        &["jobs", "show", "1"],
        &["queues", "list"],
        &["workers", "list"],
        &["schedules", "list"],
        &["schedules", "show", "s\u{202e}s"],
        &["status"],
    ] {
        let printed = answer(on(&database, command));
        let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}');
        assert!(!printed.contains(hidden) && printed.contains("\\u{"), "{command:?}: {printed}");
    }
}
