//! Dead rows, bloat, partitions and sequences.

use diesel::connection::SimpleConnection;
use mainspring::doctor::Code;

use super::{assert_cured, broken, findings};
use crate::support::database::TestDatabase;

#[test]
fn autovacuum_of_a_table_is_switched_on_again() {
    let off = "ALTER TABLE mainspring.jobs SET (autovacuum_enabled = off)";
    assert_cured(&broken(off).url(), Code::TableAutovacuumOff);
}

#[test]
fn dead_rows_that_pile_up_are_removed() {
    let database = broken(
        "ALTER TABLE mainspring.task_slots SET (autovacuum_enabled = off); \
         INSERT INTO mainspring.task_slots SELECT 't', n, n, n FROM generate_series(1, 60000) AS n; \
         DELETE FROM mainspring.task_slots",
    );
    let found = assert_cured(&database.url(), Code::DeadRows);
    assert!(found.found.starts_with("60000 of the rows of task_slots are dead"), "{found}");
}

#[test]
fn an_index_that_is_mostly_empty_is_built_again() {
    let database = broken(
        "ALTER TABLE mainspring.jobs SET (autovacuum_enabled = off); \
         INSERT INTO mainspring.jobs (task, state, run_at, key) SELECT 't', 'scheduled', now(), \
             n || repeat('k', 490) FROM generate_series(1, 70000) AS n; \
         DELETE FROM mainspring.jobs WHERE id > 10",
    );
    database.connection().batch_execute("VACUUM mainspring.jobs").unwrap();
    let found = assert_cured(&database.url(), Code::IndexBloated);
    assert!(found.found.starts_with("the index jobs_key takes "), "{found}");
}

#[test]
fn a_missing_partition_of_the_history_is_made() {
    let drop = "DO $$ BEGIN EXECUTE 'DROP TABLE mainspring.history_' \
        || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD'); END $$";
    assert_cured(&broken(drop).url(), Code::HistoryPartitionMissing);
}

#[test]
fn a_default_partition_of_the_history_is_detached() {
    let made = "CREATE TABLE mainspring.history_rest PARTITION OF mainspring.history DEFAULT";
    assert_cured(&broken(made).url(), Code::HistoryDefaultPartition);
}

#[test]
fn ids_that_are_nearly_used_up_begin_again() {
    let near = "SELECT setval('mainspring.workers_id_seq', 2147000000)";
    let database = broken(near);
    let found = assert_cured(&database.url(), Code::SequenceNearEnd);
    assert!(found.found.contains("2147000000 of 2147483647"), "{found}");
    database
        .connection()
        .batch_execute("INSERT INTO mainspring.workers (name, tasks, timeout) VALUES ('n', '{}', '1 s')")
        .unwrap();
}

#[test]
fn a_sequence_behind_its_table_is_set_past_it() {
    for table in [
        "jobs (id, task, state, run_at) VALUES (900, 't', 'ready', now())",
        "workers (id, name, tasks, timeout) OVERRIDING SYSTEM VALUE VALUES (900, 'n', '{}', '1 s')",
        "schedule_fires (id, due_at, triggered, schedule, outcome) OVERRIDING SYSTEM VALUE VALUES (900, now(), true, 's', 'missed')",
    ] {
        let database = broken(&format!("INSERT INTO mainspring.{table}"));
        assert_cured(&database.url(), Code::SequenceBehind);
    }
    let database = TestDatabase::new();
    database.connection().batch_execute("SELECT mainspring.add_job('t')").unwrap();
    assert_eq!(findings(&database.url(), Code::SequenceBehind), []);
}
