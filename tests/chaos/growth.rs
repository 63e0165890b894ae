//! What processes hold of the machine, as the kernel counts it, and what the server holds for them.

use std::fs;
use std::path::{Path, PathBuf};

use diesel::connection::SimpleConnection;
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
    #[diesel(sql_type = BigInt)]
    prepared: i64,
}

// The prepared statements are those of the session that has the most.
const HELD: &str =
    "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
    (SELECT coalesce(max(count), 0) FROM chaos.prepared WHERE at > now() - interval '1 minute') AS prepared";

// Only a session itself knows its prepared statements. So a trigger counts them, at some of the changes.
const COUNT_PREPARED: &str = "
    CREATE UNLOGGED TABLE chaos.prepared (at timestamptz DEFAULT now(), count bigint);
    CREATE FUNCTION chaos.count_prepared() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF random() < 0.02 THEN
            INSERT INTO chaos.prepared (count) SELECT count(*) FROM pg_prepared_statements;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER count_prepared AFTER INSERT OR UPDATE OR DELETE ON mainspring.jobs
        FOR EACH STATEMENT EXECUTE FUNCTION chaos.count_prepared();
    CREATE TRIGGER count_prepared AFTER UPDATE ON mainspring.workers
        FOR EACH STATEMENT EXECUTE FUNCTION chaos.count_prepared()";

/// Has the sessions count their prepared statements from now on.
pub fn begin(server: &Server) -> Outcome<()> {
    Ok(server.connect()?.batch_execute(COUNT_PREPARED)?)
}

/// Writes down how many threads, descriptors and sockets a process has, and its memory.
pub fn sample_process(record: &Record, name: &str, pid: u32) {
    let entries =
        |folder: &str| fs::read_dir(format!("/proc/{pid}/{folder}")).into_iter().flatten().flatten();
    let descriptors: Vec<PathBuf> = entries("fd").map(|entry| entry.path()).collect();
    write(record, format!("threads of {name}"), entries("task").count() as u64);
    write(record, format!("descriptors of {name}"), descriptors.len() as u64);
    let sockets = descriptors.iter().filter(|path| is_socket(path)).count();
    write(record, format!("sockets of {name}"), sockets as u64);
    write(record, format!("memory of {name} in kB"), private_memory(pid));
}

/// Writes down the server's connections, advisory locks, prepared statements and memory.
pub fn sample_server(record: &Record, server: &Server) -> Outcome<()> {
    let held: Held = sql_query(HELD).get_result(&mut server.connect()?)?;
    write(record, "connections".into(), held.connections.unsigned_abs());
    write(record, "advisory locks".into(), held.locks.unsigned_abs());
    write(record, "prepared statements of a session".into(), held.prepared.unsigned_abs());
    write(
        record,
        "memory of the server in kB".into(),
        server.processes().into_iter().map(private_memory).sum(),
    );
    Ok(())
}

// A link to a socket has its kind before its number.
fn is_socket(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
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
