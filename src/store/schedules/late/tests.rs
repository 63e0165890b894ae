//! Who holds up a fire.

use std::sync::mpsc::channel;
use std::thread;

use diesel::connection::SimpleConnection;

use super::*;
use crate::server::TestDatabase;

const MAKE: &str = "SELECT mainspring.create_schedule('a', 'kept', '@daily', overlap := 'replace')";
const HOLD: &str = "BEGIN; SELECT mainspring.add_job('kept', '{}', key => 'schedule:a')";

#[test]
fn a_rehearsal_names_the_process_that_holds_the_lock_and_leaves_nothing() {
    let database = TestDatabase::new();
    let mut application = database.connection();
    application.batch_execute(MAKE).unwrap();
    let process = Statement::<(Integer,)>::new("SELECT pg_backend_pid()");
    let process = process.get_result::<(i32,)>(&mut application).unwrap().0;
    application.batch_execute(HOLD).unwrap();
    let (begun, waiting) = channel();
    let mut scheduler = database.connection();
    let rehearsal = thread::spawn(move || rehearse(&mut scheduler, 1, |pid| begun.send(pid).unwrap()));
    let waiting = waiting.recv().unwrap();
    let mut found = Vec::new();
    while found.is_empty() && !rehearsal.is_finished() {
        found = holders_of_locks(&mut database.connection(), waiting).unwrap();
    }
    rehearsal.join().unwrap().unwrap();
    assert_eq!(found, [process]);
    application.batch_execute("ROLLBACK").unwrap();
    rehearse(&mut application, 1, |_| {}).unwrap();
    let left = Statement::<(BigInt,)>::new(
        "SELECT (SELECT count(*) FROM mainspring.jobs) + (SELECT count(*) FROM mainspring.schedule_fires)",
    );
    assert_eq!(left.get_result::<(i64,)>(&mut application).unwrap().0, 0);
}
