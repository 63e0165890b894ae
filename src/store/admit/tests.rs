//! What an admission reads, and that it counts every slot.

use std::slice;

use chrono::{DateTime, Datelike, Utc};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::connector::connect_directly as connect;
use crate::store::tests::cost_of;

const START: &str = "2020-01-01T00:00:00Z";

fn parked_from(run_at: DateTime<Utc>) -> [AdmissionHint; 1] {
    [AdmissionHint { parked_from: Some(Position { priority: 0, turn_at: run_at }), row_at: None }]
}

fn from_start() -> [AdmissionHint; 1] {
    parked_from(START.parse().unwrap())
}

fn admit_to(conn: &mut PgConnection, hints: &[AdmissionHint]) -> Admission {
    admit(conn, &["reports".into()], hints, &["a".into()], None).unwrap()
}

fn park(conn: &mut PgConnection, run_at: &str, jobs: u32) {
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, queue, run_at, state) \
         SELECT 'a', 'reports', {run_at}, 'parked' FROM generate_series(1, {jobs})"
    ))
    .unwrap();
}

// The whole life of a queue's job, many times over. Dead rows stay, as under an old snapshot.
fn pass_through(conn: &mut PgConnection, jobs: u32) {
    conn.batch_execute(&format!(
        "DO $$ BEGIN FOR n IN 1..{jobs} LOOP \
             INSERT INTO mainspring.jobs (task, queue, run_at, state) VALUES ('a', 'reports', '{START}', 'parked'); \
             PERFORM mainspring.admit(ARRAY['reports'], ARRAY['a']); \
             UPDATE mainspring.jobs SET state = 'running', lease = 1, worker_id = 1, locked_at = mainspring.now(), \
                 attempts = 1 WHERE queue = 'reports' AND state = 'ready'; \
             DELETE FROM mainspring.jobs WHERE queue = 'reports' AND state = 'running'; \
         END LOOP; END $$"
    ))
    .unwrap();
}

#[test]
fn an_admission_reads_nothing_that_is_over() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    let after_start = parked_from(Utc::now() - chrono::TimeDelta::hours(1));
    let admit_one = |conn: &mut PgConnection| {
        park(conn, "mainspring.now()", 1);
        assert_eq!(admit_to(conn, &after_start).admitted, 1);
    };
    let before = cost_of(conn, admit_one);
    pass_through(conn, 1_000);
    let after = cost_of(conn, admit_one);
    eprintln!("blocks of an admission: {before}, then {after}");
    assert!(after <= before * 2 + 20, "{before} blocks before, {after} after");
}

#[test]
fn an_admission_that_knows_its_row_passes_none_of_its_dead_versions() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    let change = "UPDATE mainspring.queues SET last_slot = last_slot + 1";
    conn.batch_execute("SELECT mainspring.set_queue('reports')").unwrap();
    for _ in 0..2_000 {
        conn.batch_execute(change).unwrap();
    }
    let seen = admit_to(conn, &[]).results.remove(0);
    let told = [AdmissionHint { row_at: seen.row_at, ..AdmissionHint::default() }];
    let by_name = cost_of(conn, |conn| assert!(admit_to(conn, &[]).locked.is_empty()));
    let by_place = cost_of(conn, |conn| assert!(admit_to(conn, &told).locked.is_empty()));
    eprintln!("blocks of an admission: {by_name} by name, {by_place} by place");
    assert!(by_place * 2 < by_name, "{by_name} by name, {by_place} by place");
}

#[test]
fn a_place_where_the_queues_row_is_no_longer_is_no_harm() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute("SELECT mainspring.set_queue('other', 9)").unwrap();
    let row_of_other = admit(conn, &["other".into()], &[], &[], None).unwrap().results.remove(0).row_at;
    let mut last_seen = None;
    let untrue = || ["(0,77)", "(4294967295,1)", "(0,0)"].map(|place| Some(place.to_owned()));
    for place in [row_of_other].into_iter().chain(untrue()) {
        park(conn, "mainspring.now()", 1);
        conn.batch_execute("UPDATE mainspring.queues SET concurrency = 1 WHERE name = 'reports'").unwrap();
        let admission =
            admit_to(conn, &[AdmissionHint { row_at: place.clone(), ..AdmissionHint::default() }]);
        assert_eq!(admission.admitted, 1, "at {place:?}");
        assert_ne!(std::mem::replace(&mut last_seen, admission.results[0].row_at.clone()), last_seen);
        assert_eq!(admit_to(conn, &[]).admitted, 0, "the queue lets one through at a time");
        conn.batch_execute("DELETE FROM mainspring.jobs WHERE state = 'ready'").unwrap();
    }
    // Another process admitted to it meanwhile.
    let before = AdmissionHint { row_at: last_seen, ..AdmissionHint::default() };
    park(conn, "mainspring.now()", 2);
    assert_eq!(admit_to(conn, &[]).admitted, 1);
    assert_eq!(admit_to(conn, slice::from_ref(&before)).admitted, 0);
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE state = 'ready'").unwrap();
    let mut other = database.connection();
    other.batch_execute("BEGIN; SELECT FROM mainspring.queues FOR UPDATE").unwrap();
    assert_eq!(admit_to(conn, slice::from_ref(&before)).locked, ["reports"]);
    other.batch_execute("ROLLBACK").unwrap();
    assert_eq!(admit_to(conn, &[before]).admitted, 1);
}

#[test]
fn an_admission_starts_at_its_cursor_and_returns_the_next_one() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    park(conn, "'2019-01-01 00:00:00+00'", 1);
    park(conn, "'2021-01-01 00:00:00+00'", 1);
    let years = |admission: Admission| -> Vec<(String, i32)> {
        admission
            .results
            .into_iter()
            .filter_map(|seen| Some((seen.queue, seen.first?.turn_at.year())))
            .collect()
    };
    assert_eq!(years(admit_to(conn, &from_start())), [("reports".to_owned(), 2021)]);
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE state = 'ready'").unwrap();
    assert_eq!(years(admit_to(conn, &from_start())), [], "the other one lies before");
    assert_eq!(years(admit_to(conn, &[])), [("reports".to_owned(), 2019)]);
}

#[test]
fn an_admission_reports_that_it_did_not_read_the_parked_jobs() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let mut after = |sql: &str| {
        conn.batch_execute(sql).unwrap();
        let admission = admit_to(conn, &[]);
        (admission.admitted, admission.results[0].scan)
    };
    let park = "INSERT INTO mainspring.jobs (task, queue, run_at, state) \
                SELECT 'a', 'reports', mainspring.now(), 'parked' FROM generate_series(1, 2)";
    let finish = "DELETE FROM mainspring.jobs WHERE state = 'ready'";
    assert_eq!(
        after("SELECT mainspring.set_queue('reports', 1)"),
        (0, ParkedJobs::Scanned),
        "nothing is parked"
    );
    assert_eq!(after(park), (1, ParkedJobs::Scanned));
    assert_eq!(after("SELECT 1"), (0, ParkedJobs::Unknown), "full");
    let paused = |paused| format!("{finish}; UPDATE mainspring.queues SET paused = {paused}");
    assert_eq!(after(&paused(true)), (0, ParkedJobs::Unknown));
    assert_eq!(after(&paused(false)), (1, ParkedJobs::Scanned));
    assert_eq!(
        after("SELECT mainspring.set_queue('reports', 5, 1, '1 hour')"),
        (0, ParkedJobs::Scanned),
        "nothing is parked"
    );
    assert_eq!(after(park), (1, ParkedJobs::Scanned), "the one token");
    assert_eq!(after("SELECT 1"), (0, ParkedJobs::Unknown), "no token");
    let mut other = database.connection();
    other.batch_execute("BEGIN; SELECT FROM mainspring.queues FOR UPDATE").unwrap();
    assert_eq!(after("SELECT 1"), (0, ParkedJobs::Unknown), "busy");
    other.batch_execute("ROLLBACK").unwrap();
    let earn = "UPDATE mainspring.queues SET tokens_at = tokens_at - interval '1 hour'";
    assert_eq!(after(earn), (1, ParkedJobs::Scanned));
}

#[derive(QueryableByName)]
struct Slots {
    #[diesel(sql_type = BigInt)]
    taken: i64,
    #[diesel(sql_type = BigInt)]
    parked: i64,
}

fn slots(conn: &mut PgConnection) -> Slots {
    let all = "SELECT count(*) FILTER (WHERE state IN ('ready', 'running')) AS taken, \
               count(*) FILTER (WHERE state = 'parked') AS parked FROM mainspring.jobs WHERE queue = 'reports'";
    sql_query(all).get_result(conn).unwrap()
}

#[test]
fn every_slot_is_counted_in_whatever_order_jobs_end() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut limit = 1;
    for step in 0..400 {
        match random.u8(0..10) {
            0 => {
                conn.batch_execute("DELETE FROM mainspring.queues").unwrap();
                limit = 1;
            }
            1 => {
                limit = random.i64(1..6);
                conn.batch_execute(&format!("SELECT mainspring.set_queue('reports', {limit})")).unwrap();
            }
            2..5 => park(conn, "mainspring.now()", 3),
            _ => {
                let one = "SELECT id FROM mainspring.jobs WHERE state = 'ready' ORDER BY random() LIMIT 1";
                conn.batch_execute(&format!("DELETE FROM mainspring.jobs WHERE id = ({one})")).unwrap();
            }
        }
        let Slots { taken, parked } = slots(conn);
        let admitted = admit_to(conn, &[]).admitted;
        let room = (limit - taken).clamp(0, parked);
        assert_eq!(
            i64::try_from(admitted),
            Ok(room),
            "step {step}: {taken} of {limit} taken, {parked} parked"
        );
    }
}
