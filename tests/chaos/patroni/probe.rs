//! What a server reports of its place in the cluster.

use diesel::sql_types::{Bool, Integer};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use rustix::process::{Pid, Signal, kill_process};

use crate::server::Server;
use crate::trouble::Outcome;

#[derive(QueryableByName)]
struct Holds {
    #[diesel(sql_type = Bool)]
    holds: bool,
}

#[derive(QueryableByName)]
struct Sender {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// Whether it is there and is no standby.
pub(super) fn is_primary(server: &Server) -> bool {
    holds(server, "NOT pg_is_in_recovery()")
}

/// Whether a standby streams from it.
pub(super) fn has_standby(server: &Server) -> bool {
    holds(server, "EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')")
}

fn holds(server: &Server, condition: &str) -> bool {
    let asked = format!("SELECT {condition} AS holds");
    let conn = PgConnection::establish(&format!("{}?connect_timeout=2", server.url()));
    conn.is_ok_and(|mut conn| sql_query(asked).get_result::<Holds>(&mut conn).is_ok_and(|row| row.holds))
}

/// Stops the processes that send changes to standbys where they are.
pub(super) fn stop_sending(server: &Server) -> Outcome<()> {
    let senders: Vec<Sender> =
        sql_query("SELECT pid FROM pg_stat_replication").load(&mut server.connect()?)?;
    for pid in senders.into_iter().filter_map(|sender| Pid::from_raw(sender.pid)) {
        kill_process(pid, Signal::STOP)?;
    }
    Ok(())
}
