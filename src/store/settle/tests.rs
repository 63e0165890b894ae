//! What a settle does about rows that another transaction holds.

use std::time::Duration;

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{Binary, SmallInt};

use super::*;
use crate::config::Config;
use crate::server::TestDatabase;
use crate::store::connector::connect_directly as connect;

const THREE_RUNNING: &str = "
    INSERT INTO mainspring.jobs (id, task, state, run_at, attempts, lease, worker_id, locked_at)
    SELECT n, 'a', 'running', mainspring.now(), 1, 7, 1, mainspring.now() FROM generate_series(1, 3) AS n;
    SET statement_timeout = '20s'; SET lock_timeout = '100ms'";

fn all(outcome: &Outcome) -> Vec<Settlement> {
    (1..=3).map(|id| Settlement::new(id, 7, outcome.clone())).collect()
}

fn ids(settled: &[Settled]) -> Vec<i64> {
    settled.iter().map(|settled| settled.id).collect()
}

#[test]
fn a_settle_gives_up_on_a_held_row_and_the_careful_one_settles_the_others() {
    let failed = Outcome::Failed { error: "boom".into(), delay: Duration::ZERO, payload: None };
    for (outcome, history) in
        [(Outcome::Succeeded, History::Skip), (Outcome::Succeeded, History::Keep), (failed, History::Keep)]
    {
        let database = TestDatabase::new();
        let conn = &mut connect(&Config::new(database.url())).unwrap();
        conn.batch_execute(THREE_RUNNING).unwrap();
        let mut holder = database.connection();
        holder.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 2 FOR UPDATE").unwrap();
        let error = settle(conn, &all(&outcome), history).unwrap_err();
        assert!(error.to_string().contains("lock timeout"), "{error}");
        let (settled, held) = settle_free(conn, &all(&outcome), history).unwrap();
        assert_eq!((ids(&settled), held), (vec![1, 3], HashSet::from([2])));
        let (settled, held) = settle_free(conn, &all(&outcome), history).unwrap();
        assert_eq!((ids(&settled), held), (vec![], HashSet::from([2])), "the others' leases are gone");
        holder.batch_execute("ROLLBACK").unwrap();
        assert_eq!(ids(&settle(conn, &all(&outcome), history).unwrap()), [2]);
    }
}

#[test]
fn outcomes_of_all_kinds_are_stored_together_or_not_at_all() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    let mut mixed = all(&Outcome::Succeeded);
    mixed[1].outcome = Outcome::Interrupted;
    let mut holder = database.connection();
    holder.batch_execute("BEGIN; SELECT FROM mainspring.jobs WHERE id = 2 FOR UPDATE").unwrap();
    assert!(settle(conn, &mixed, History::Skip).is_err());
    holder.batch_execute("ROLLBACK").unwrap();
    let mut settled = ids(&settle(conn, &mixed, History::Skip).unwrap());
    settled.sort_unstable();
    assert_eq!(settled, [1, 2, 3]);
}

#[test]
fn a_lost_claim_obeys_the_pause_and_the_cancellation_that_came_meanwhile() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    conn.batch_execute(
        "UPDATE mainspring.jobs SET queue = 'q' WHERE id = 1; SELECT mainspring.pause_queue('q'); \
         SELECT mainspring.cancel_jobs('{2}', 'not wanted')",
    )
    .unwrap();
    assert_eq!(reclaim_lease(conn, &[1], 7, History::Keep).unwrap().jobs, 3);
    let rows: Vec<(i64, String, i16)> = Statement::<(BigInt, Text, SmallInt)>::new(
        "SELECT id, state::text, attempts FROM mainspring.jobs \
         UNION ALL SELECT id, outcome || ': ' || reason, attempts FROM mainspring.history ORDER BY id",
    )
    .load(conn)
    .unwrap();
    let expected = [(1, "parked", 0), (2, "cancelled: not wanted", 1), (3, "ready", 0)];
    assert_eq!(rows, expected.map(|(id, state, attempts)| (id, state.to_owned(), attempts)));
}

#[test]
fn an_outcome_was_stored_before_if_its_worker_is_there_without_the_lease() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    let doubtful: Vec<_> = (1..=3).map(|id| Doubtful { key: (id, 7), worker_id: 1 }).collect();
    conn.batch_execute("DELETE FROM mainspring.jobs WHERE id = 1").unwrap();
    let clear = "lease = NULL, worker_id = NULL, locked_at = NULL";
    conn.batch_execute(&format!("UPDATE mainspring.jobs SET state = 'dead', {clear} WHERE id = 2")).unwrap();
    assert_eq!(stored_before(conn, &doubtful, 0, &[]).unwrap(), [], "no worker, no proof");
    conn.batch_execute("INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('w', '{}', '4 s')")
        .unwrap();
    let mut found = stored_before(conn, &doubtful, 0, &[]).unwrap();
    found.sort_unstable_by_key(|settled| settled.id);
    let gone = Settled::gone((1, 7), None);
    assert_eq!(found, [gone, Settled { left: Left::Dead, ..Settled::gone((2, 7), None) }]);
    assert_eq!(stored_before(conn, &doubtful[..1], 0, &[gone]).unwrap(), [], "it is stored now");
}

#[test]
fn what_is_leased_to_the_row_of_another_origin_is_anothers() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    let leased = |conn: &mut _| leased_to(conn, &[1, 9], 5).unwrap().len();
    assert_eq!(leased(conn), 3, "an earlier id of this worker, whose row is gone");
    conn.batch_execute(
        "INSERT INTO mainspring.workers (name, tasks, timeout, origin) VALUES ('w', '{}', '4 s', 5)",
    )
    .unwrap();
    assert_eq!(leased(conn), 0, "the worker that had the id before");
    conn.batch_execute("UPDATE mainspring.workers SET started_at = now() - interval '5 s'").unwrap();
    assert_eq!(leased(conn), 3, "this worker, as its time-out is over");
    conn.batch_execute(
        "UPDATE mainspring.workers SET started_at = now(); UPDATE mainspring.jobs SET locked_at = now()",
    )
    .unwrap();
    assert_eq!(leased(conn), 3, "this worker");
    conn.batch_execute("UPDATE mainspring.workers SET origin = 6").unwrap();
    assert_eq!(leased(conn), 0, "another worker");
}

/// Three outcomes with values.
fn with_values() -> Vec<Settlement> {
    let value = |one: Settlement| Settlement { value: Some(one.id.to_string().into_bytes().into()), ..one };
    all(&Outcome::Succeeded).into_iter().map(value).collect()
}

fn kept(conn: &mut PgConnection) -> Vec<(i64, Vec<u8>)> {
    let text = "SELECT job_id, value FROM mainspring.results ORDER BY job_id";
    Statement::<(BigInt, Binary)>::new(text).load(conn).unwrap()
}

#[test]
fn a_value_is_stored_only_where_its_attempt_still_had_the_job() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    conn.batch_execute("UPDATE mainspring.jobs SET lease = 8 WHERE id = 2").unwrap();
    let mut outcomes = with_values();
    outcomes[2].outcome = Outcome::Interrupted;
    settle(conn, &outcomes, History::Keep).unwrap();
    assert_eq!(kept(conn), [(1, b"1".to_vec())]);
}

#[test]
fn a_bad_outcome_beside_values_keeps_none_of_them() {
    let database = TestDatabase::new();
    let conn = &mut connect(&Config::new(database.url())).unwrap();
    conn.batch_execute(THREE_RUNNING).unwrap();
    conn.batch_execute(
        "CREATE FUNCTION mainspring.no_two() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            IF OLD.id = 2 THEN RAISE EXCEPTION 'not two'; END IF; RETURN OLD; END $$; \
         CREATE TRIGGER no_two BEFORE DELETE ON mainspring.jobs FOR EACH ROW EXECUTE FUNCTION mainspring.no_two()",
    )
    .unwrap();
    let done = settle_isolating(&mut conn.as_session(), &with_values(), History::Keep).unwrap();
    assert_eq!(ids(&done.settled).len() + done.troubles.len(), 3);
    assert_eq!(kept(conn), [(1, b"1".to_vec()), (3, b"3".to_vec())]);
}
