//! What processes hold of the machine, as the kernel counts it, and what the server holds for them.

use std::fs;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use crate::record::{Record, What};
use crate::server::Server;
use crate::trouble::Outcome;

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = BigInt)]
    connections: i64,
    #[diesel(sql_type = BigInt)]
    locks: i64,
}

const HELD: &str =
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks";

/// Writes down how many threads and descriptors a process has, and its memory.
pub fn sample_process(record: &Record, name: &str, pid: u32) {
    let count =
        |folder: &str| fs::read_dir(format!("/proc/{pid}/{folder}")).map_or(0, Iterator::count) as u64;
    write(record, format!("threads of {name}"), count("task"));
    write(record, format!("descriptors of {name}"), count("fd"));
    write(record, format!("memory of {name} in kB"), private_memory(pid));
}

/// Writes down the server's connections, advisory locks and memory.
pub fn sample_server(record: &Record, server: &Server) -> Outcome<()> {
    let held: Held = sql_query(HELD).get_result(&mut server.connect()?)?;
    write(record, "connections".into(), held.connections.unsigned_abs());
    write(record, "advisory locks".into(), held.locks.unsigned_abs());
    write(
        record,
        "memory of the server in kB".into(),
        server.processes().into_iter().map(private_memory).sum(),
    );
    Ok(())
}

fn write(record: &Record, quantity: String, value: u64) {
    record.write(What::Sample { quantity, value });
}

/// The memory of a process that no other process shares, in kilobytes; 0 for a process that is gone.
fn private_memory(pid: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let private = rollup.lines().filter(|line| line.starts_with("Private_"));
    private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
}
