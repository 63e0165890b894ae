//! Rescues obey the protocol in docs/notes/leases.md. They read the jobs of lost workers, and nothing of what living workers
//! have done. They wait for no lock.

use std::time::Duration;

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::connector::connect_directly as connect;
use crate::store::tests::cost_of;

const ORIGIN: i64 = 7;

/// A worker with a time-out of 30 seconds whose heartbeats have had no gap for an hour.
fn steady(conn: &mut PgConnection) -> i32 {
    let me = register(
        conn,
        NewWorker {
            name: "me",
            tasks: &["a".to_owned()],
            timeout: Duration::from_secs(30),
            origin: ORIGIN,
            ..NewWorker::default()
        },
    )
    .unwrap();
    set(conn, me, "steady_since = mainspring.now() - interval '1 hour'");
    me
}

fn set(conn: &mut PgConnection, worker_id: i32, what: &str) {
    conn.batch_execute(&format!("UPDATE mainspring.workers SET {what} WHERE id = {worker_id}")).unwrap();
}

fn holds(conn: &mut PgConnection, worker_id: i32, condition: &str) -> bool {
    let text = format!("SELECT {condition} FROM mainspring.workers WHERE id = {worker_id}");
    Statement::<(Bool,)>::new(text).get_result::<(bool,)>(conn).unwrap().0
}

fn beat_once(conn: &mut PgConnection, worker_id: i32, number: i64, row_at: Option<&str>) -> Heartbeat {
    beat(conn, Beat { worker_id, origin: ORIGIN, number, problems: &[], row_at }).unwrap()
}

/// Finds the orphans and takes them, and returns how many.
fn orphans_taken(conn: &mut PgConnection) -> usize {
    let orphans = find_orphans(conn).unwrap();
    rescue_orphans(conn, &orphans).unwrap().jobs
}

fn undone(conn: &mut PgConnection, test: impl FnOnce(&mut PgConnection)) {
    let done = conn.transaction(|conn| {
        test(conn);
        Err::<(), _>(diesel::result::Error::RollbackTransaction)
    });
    done.expect_err("it is rolled back");
}

fn leave_behind(conn: &mut PgConnection, lost: bool) {
    let row = "INSERT INTO mainspring.workers (name, tasks, heartbeat_at, timeout) \
               VALUES ('lost', '{a}', mainspring.now() - interval '1 hour', interval '1 second')";
    let worker =
        if lost { format!("WITH w AS ({row} RETURNING id)") } else { "WITH w(id) AS (SELECT 900)".into() };
    conn.batch_execute(&format!(
        "{worker} INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', mainspring.now(), 'running', 1, 1, id, mainspring.now() FROM w"
    ))
    .unwrap();
}

#[test]
fn a_rescue_reads_nothing_of_what_living_workers_have_done() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    let rescue_one = |conn: &mut PgConnection| {
        leave_behind(conn, true);
        assert_eq!(rescue(conn, me).unwrap().jobs.len(), 1);
    };
    let rescue_orphan = |conn: &mut PgConnection| {
        leave_behind(conn, false);
        assert_eq!(orphans_taken(conn), 1);
    };
    let before = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    // An old snapshot keeps what this worker has done.
    let mut other = database.connection();
    other.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").unwrap();
    conn.batch_execute(&format!(
        "INSERT INTO mainspring.jobs (task, run_at, state, attempts, lease, worker_id, locked_at) \
         SELECT 'a', mainspring.now(), 'running', 1, n, {me}, mainspring.now() FROM generate_series(1, 20000) AS n; \
         DELETE FROM mainspring.jobs"
    ))
    .unwrap();
    let after = [cost_of(conn, rescue_one), cost_of(conn, rescue_orphan)];
    eprintln!("blocks of a rescue, and of one of orphans: {before:?}, then {after:?}");
    for (before, after) in before.iter().zip(&after) {
        assert!(*after <= before * 2 + 40, "{before} blocks before, {after} after");
    }
}

#[test]
fn a_row_that_an_application_holds_is_rescued_later_than_the_others() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    // A statement that waits fails.
    conn.batch_execute("SET lock_timeout = '1ms'").unwrap();
    let me = steady(conn);
    for lost in [true, true, false, false] {
        leave_behind(conn, lost);
    }
    let mut application = database.connection();
    application
        .batch_execute("BEGIN; UPDATE mainspring.jobs SET payload = '[]' WHERE id IN (SELECT min(id) FROM mainspring.jobs GROUP BY worker_id = 900)")
        .unwrap();
    assert_eq!(rescue(conn, me).unwrap().jobs.len(), 1);
    assert_eq!(orphans_taken(conn), 1);
    assert_eq!((rescue(conn, me).unwrap().jobs.len(), orphans_taken(conn)), (0, 0));
    application.batch_execute("COMMIT").unwrap();
    // One of them was of a worker whose row is gone by now.
    assert_eq!((rescue(conn, me).unwrap().jobs.len(), orphans_taken(conn)), (0, 2));
    assert_eq!(leased_to_anyone(conn), 0);
}

fn leased_to_anyone(conn: &mut PgConnection) -> i64 {
    Statement::<(BigInt,)>::new("SELECT count(*) FROM mainspring.jobs WHERE worker_id IS NOT NULL")
        .get_result::<(i64,)>(conn)
        .unwrap()
        .0
}

#[test]
fn a_lost_worker_costs_no_attempt_and_the_tenth_in_a_row_ends_the_job() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    for deaths in 1..=10 {
        leave_behind(conn, true);
        // It may have one attempt only.
        conn.batch_execute(&format!("UPDATE mainspring.jobs SET max_attempts = 1, deaths = {deaths} - 1"))
            .unwrap();
        let rescued = rescue(conn, me).unwrap().jobs.remove(0);
        assert_eq!((rescued.attempt, rescued.deaths), (1, deaths));
        let (left, state, error) = match deaths {
            10 => (Left::Dead, "dead", "its process was lost 10 times: worker lost: lost stopped"),
            _ => (Left::Waiting, "ready", "worker lost: lost stopped"),
        };
        assert_eq!(rescued.left, left);
        let kept = format!(
            "DELETE FROM mainspring.jobs WHERE state = '{state}' AND attempts = 0 AND deaths = {deaths} \
             AND starts_with(last_error, '{error}')"
        );
        assert_eq!(Statement::<()>::new(kept).execute(conn).unwrap(), 1, "{deaths}");
    }
}

#[test]
fn a_heartbeat_behind_a_newer_one_or_without_a_row_changes_nothing() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    let Heartbeat::Alive { row_at, .. } = beat_once(conn, me, 2, None) else { panic!("the row is there") };
    // The place is another row's, or nobody's: the id finds the row.
    for (number, place) in [(3, row_at.as_str()), (4, row_at.as_str()), (5, "(0,99)")] {
        assert!(matches!(beat_once(conn, me, number, Some(place)), Heartbeat::Alive { .. }), "{number}");
    }
    set(conn, me, "heartbeat_at = '2020-01-01'");
    for late in [1, 5] {
        assert_eq!(beat_once(conn, me, late, None), Heartbeat::Superseded);
    }
    assert!(holds(conn, me, "heartbeat_at = '2020-01-01'"));
    conn.batch_execute("DELETE FROM mainspring.workers").unwrap();
    assert_eq!(beat_once(conn, me, 6, Some(&row_at)), Heartbeat::Lost);
}

#[test]
fn a_row_of_another_origin_is_as_if_it_was_gone() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    set(conn, me, "origin = 8, heartbeat_at = '2020-01-01'");
    assert_eq!(beat_once(conn, me, 1, None), Heartbeat::Lost);
    assert!(!unregister(conn, me, ORIGIN, JobsLeft::None).unwrap());
    assert!(holds(conn, me, "heartbeat_at = '2020-01-01'"));
    set(conn, me, "origin = 7");
    assert!(matches!(beat_once(conn, me, 2, None), Heartbeat::Alive { .. }));
    assert!(unregister(conn, me, ORIGIN, JobsLeft::None).unwrap());
}

#[test]
fn a_gap_a_step_of_the_clock_and_another_server_end_what_was_steady() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    let mut number = 0;
    let mut is_steady_after = |what: &str| {
        set(conn, me, "steady_since = '2020-01-01', heartbeat_at = mainspring.now()");
        set(conn, me, what);
        number += 1;
        beat_once(conn, me, number, None);
        let again = "steady_since > mainspring.now() + interval '5 s'";
        assert!(holds(conn, me, &format!("steady_since = '2020-01-01' OR {again}")));
        holds(conn, me, "steady_since = '2020-01-01'")
    };
    assert!(is_steady_after("heartbeat_at = mainspring.now() - interval '14 s'"));
    assert!(!is_steady_after("heartbeat_at = mainspring.now() - interval '16 s'"), "a gap");
    assert!(!is_steady_after("heartbeat_at = mainspring.now() + interval '9 s'"), "the clock was set back");
    assert!(!is_steady_after("server_start = server_start - interval '1 day'"), "a standby was promoted");
    assert!(is_steady_after("beat = beat"));
}

#[test]
fn a_rescuer_that_had_a_gap_itself_takes_nothing() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    leave_behind(conn, true);
    for gap in [
        "heartbeat_at = mainspring.now() - interval '16 s'",
        "heartbeat_at = mainspring.now() + interval '7 s'",
        "server_start = server_start - interval '1 day'",
        "steady_since = mainspring.now() - interval '29 s'",
        "id = DEFAULT",
    ] {
        undone(conn, |conn| {
            set(conn, me, gap);
            assert_eq!(rescue(conn, me).unwrap().jobs, [], "{gap}");
        });
    }
    assert_eq!(rescue(conn, me).unwrap().jobs.len(), 1);
}

#[test]
fn a_worker_is_lost_when_the_longer_of_the_two_time_outs_is_over() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    assert_eq!(others(conn, me).unwrap().next_loss, None);
    leave_behind(conn, true);
    let lost: i32 = me + 1;
    for (heartbeat, timeout, is_lost) in [
        ("- interval '29 s'", "1 s", false),
        ("- interval '31 s'", "1 s", true),
        ("- interval '59 s'", "1 minute", false),
        ("- interval '61 s'", "1 minute", true),
        // The clock of the server was set back by more than the time-out, and by less.
        ("+ interval '31 s'", "1 s", true),
        ("+ interval '29 s'", "1 s", false),
    ] {
        undone(conn, |conn| {
            set(conn, lost, &format!("heartbeat_at = mainspring.now() {heartbeat}, timeout = '{timeout}'"));
            let wait = others(conn, me).unwrap().next_loss.unwrap();
            assert_eq!(wait <= TimeDelta::zero(), is_lost, "{heartbeat}, {timeout}: {wait}");
            assert_eq!(rescue(conn, me).unwrap().jobs.len(), usize::from(is_lost), "{heartbeat}, {timeout}");
        });
    }
    set(conn, me, "steady_since = mainspring.now()");
    let wait = others(conn, me).unwrap().next_loss.unwrap();
    assert!((29..=30).contains(&wait.num_seconds()), "{wait}");
}

#[test]
fn a_rescue_that_waits_for_a_heartbeat_under_way_finds_the_worker_alive() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    leave_behind(conn, true);
    let mut other = database.connection();
    other.batch_execute("BEGIN").unwrap();
    set(&mut other, me + 1, "heartbeat_at = mainspring.now()");
    assert_eq!(rescue(conn, me).unwrap().jobs, []);
    other.batch_execute("COMMIT").unwrap();
    assert_eq!(rescue(conn, me).unwrap().jobs, []);
}

#[test]
fn a_worker_whose_row_stays_keeps_its_jobs_and_holds_up_no_other() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    (0..4).for_each(|_| leave_behind(conn, true));
    conn.batch_execute(&format!(
        "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            IF OLD.id = {me} + 1 THEN RAISE 'not this one'; END IF; \
            RETURN CASE WHEN OLD.id <> {me} + 2 THEN OLD END; END $$; \
         CREATE TRIGGER refuse BEFORE DELETE ON mainspring.workers FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    ))
    .unwrap();
    let mut stranger = database.connection();
    stranger
        .batch_execute(&format!("BEGIN; SELECT FROM mainspring.workers WHERE id = {me} + 3 FOR SHARE"))
        .unwrap();
    let Rescued { jobs, mut left } = rescue(conn, me).unwrap();
    assert_eq!(jobs.iter().map(|job| job.worker_id).collect::<Vec<_>>(), [me + 4]);
    left.sort_unstable_by_key(|worker| worker.id);
    let problems: Vec<_> = left.iter().map(|worker| (worker.id - me, worker.problem.as_str())).collect();
    let expected = ["not this one", "a trigger keeps the row", "another transaction holds the row"];
    assert_eq!(problems, (1..).zip(expected).collect::<Vec<_>>());
    assert_eq!(leased_to_anyone(conn), 3);
    stranger.batch_execute("COMMIT; DROP TRIGGER refuse ON mainspring.workers").unwrap();
    let Rescued { jobs, left } = rescue(conn, me).unwrap();
    assert_eq!((jobs.len(), left), (3, vec![]));
}

#[test]
fn suspects_of_a_lost_worker_become_due_one_after_the_other() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    for _ in 0..5 {
        leave_behind(conn, true);
    }
    conn.batch_execute(
        "UPDATE mainspring.jobs SET deaths = CASE WHEN id IN (SELECT min(id) FROM mainspring.jobs) THEN 0 ELSE 2 END",
    )
    .unwrap();
    assert_eq!(rescue(conn, me).unwrap().jobs.len(), 5);
    let apart = "SELECT string_agg(coalesce(extract(epoch FROM run_at - mainspring.now())::int, 0)::text, ' ' ORDER BY id) \
        FROM (SELECT id, CASE WHEN state = 'scheduled' THEN run_at END AS run_at FROM mainspring.jobs) AS j";
    let apart = Statement::<(Text,)>::new(apart).get_result::<(String,)>(conn).unwrap().0;
    assert_eq!(apart, "0 0 2 4 6");
}

// A search that takes long reads the rows of workers once, and each job when it comes to it.
#[test]
fn a_search_for_orphans_takes_nothing_that_a_new_worker_has_claimed_since() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    steady(conn);
    for lost in [false, false] {
        leave_behind(conn, lost);
    }
    // The search stops at the first job until the other connection lets it go on.
    conn.batch_execute(
        "CREATE OR REPLACE FUNCTION mainspring.new_event(id bigint, event text, lease bigint DEFAULT NULL, \
            reason text DEFAULT NULL, run_at timestamptz DEFAULT NULL, payload text DEFAULT NULL, \
            priority integer DEFAULT NULL, attempts integer DEFAULT NULL, max_attempts integer DEFAULT NULL) \
         RETURNS mainspring.job_event LANGUAGE plpgsql AS $$ BEGIN \
            PERFORM pg_advisory_xact_lock(7); \
            RETURN ROW(id, event, lease, reason, run_at, payload, priority, attempts, max_attempts)::mainspring.job_event; \
         END $$",
    )
    .unwrap();
    let mut other = database.connection();
    other.batch_execute("SELECT pg_advisory_lock(7)").unwrap();
    let url = database.url().to_owned();
    let search = std::thread::spawn(move || orphans_taken(&mut connect(&Config::new(url)).unwrap()));
    let waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    while Statement::<(BigInt,)>::new(waits).get_result::<(i64,)>(&mut other).unwrap().0 == 0 {
        std::thread::yield_now();
    }
    let new = register(
        conn,
        NewWorker {
            name: "new",
            tasks: &["a".to_owned()],
            timeout: Duration::from_secs(30),
            origin: ORIGIN,
            ..NewWorker::default()
        },
    )
    .unwrap();
    let claim = format!(
        "UPDATE mainspring.jobs SET worker_id = {new}, lease = 77 WHERE id = (SELECT max(id) FROM mainspring.jobs)"
    );
    other.batch_execute(&claim).unwrap();
    other.batch_execute("SELECT pg_advisory_unlock(7)").unwrap();
    assert_eq!(search.join().unwrap(), 1);
    assert_eq!(leased_to_anyone(conn), 1);
}

#[test]
fn the_server_ends_a_rescue_whose_process_is_stopped_in_the_middle() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    let me = steady(conn);
    leave_behind(conn, true);
    conn.batch_execute(
        "CREATE TABLE public.seen AS SELECT current_setting('idle_in_transaction_session_timeout') AS patience; \
         CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            UPDATE public.seen SET patience = current_setting('idle_in_transaction_session_timeout'); RETURN OLD; END $$; \
         CREATE TRIGGER look BEFORE DELETE ON mainspring.workers FOR EACH ROW EXECUTE FUNCTION public.look()",
    )
    .unwrap();
    assert_eq!(rescue(conn, me).unwrap().jobs.len(), 1);
    let patience = |conn: &mut PgConnection, of: &str| {
        Statement::<(Text,)>::new(of).get_result::<(String,)>(conn).unwrap().0
    };
    assert_eq!(patience(conn, "SELECT patience FROM public.seen"), "2s");
    assert_eq!(patience(conn, "SELECT current_setting('idle_in_transaction_session_timeout')"), "10s");
}
