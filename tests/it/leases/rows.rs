//! The row of a lost worker that cannot be removed is in the way of its own jobs, and of no others.

use diesel::connection::SimpleConnection;
use mainspring::workers::{self, ActResult};

use super::TIMEOUT;
use crate::support::database::TestDatabase;
use crate::support::logs;
use crate::support::rows::count;
use crate::support::schedulers::{SLOW_POLL, scheduler};
use crate::support::waiting::{until, until_true};

/// Two lost workers with a job each. A trigger keeps the row of the first one. No other test has workers with such ids.
const TWO_LOST: &str = "
    INSERT INTO mainspring.workers (id, name, tasks, heartbeat_at, timeout) OVERRIDING SYSTEM VALUE
        SELECT id, 'lost', '{act}', now() - interval '1 hour', '1 s' FROM generate_series(186011, 186012) AS id;
    INSERT INTO mainspring.jobs (task, payload, state, run_at, attempts, lease, worker_id, locked_at)
        SELECT 'act', '{\"act\": \"go\"}', 'running', now(), 1, 77, id, now() FROM mainspring.workers;
    CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF OLD.id = 186011 THEN RAISE 'audited'; END IF;
        RETURN OLD;
    END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON mainspring.workers FOR EACH ROW EXECUTE FUNCTION public.refuse()";

#[tokio::test]
async fn a_lost_worker_whose_row_stays_is_logged_once_and_holds_up_no_other() {
    logs::keep();
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TWO_LOST).unwrap();
    let (builder, mut started) = scheduler(&database);
    let scheduler = builder.heartbeat_timeout(TIMEOUT).poll_interval(SLOW_POLL).start().await.unwrap();
    started.next().await;
    until(&database, "mainspring.jobs", 1).await;
    let line = "the row of lost worker 186011 `lost` cannot be removed, so its jobs wait: audited";
    until_true(&database, line, || !logs::with(line).is_empty()).await;
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE worker_id = 186011"), 1);
    conn.batch_execute("DROP TRIGGER refuse ON mainspring.workers").unwrap();
    started.next().await;
    until(&database, "mainspring.jobs", 0).await;
    let over = "lost worker 186011 no longer stands in the way of its jobs";
    until_true(&database, over, || !logs::with(over).is_empty()).await;
    assert_eq!(logs::with("lost worker 186011 `lost` cannot").len(), 1);
    scheduler.stop().await;
}

#[test]
fn a_release_of_several_workers_leaves_out_the_one_whose_row_stays() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(TWO_LOST).unwrap();
    let released = workers::release(&mut conn, &[186_011, 186_012, 186_013]).unwrap();
    let facts: Vec<_> = released.iter().map(|act| (act.result, act.jobs)).collect();
    assert_eq!(facts, [(ActResult::Refused, 0), (ActResult::Released, 1), (ActResult::Unknown, 0)]);
    assert_eq!(count(&mut conn, "mainspring.jobs WHERE worker_id = 186011"), 1);
    let lost = workers::release_lost(&mut conn).unwrap();
    assert_eq!(lost.iter().map(|act| act.result).collect::<Vec<_>>(), [ActResult::Refused]);
}
