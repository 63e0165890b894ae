//! A server that is there and does nothing, as one whose machine is frozen.

use std::fs;
use std::process::Command;

use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use mainspring::embedded::EmbeddedPostgres;

/// All processes of a server, stopped by a signal. They go on when this is dropped.
pub struct Frozen {
    pids: Vec<String>,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

impl Frozen {
    pub fn freeze(server: &EmbeddedPostgres) -> Self {
        let mut conn = PgConnection::establish(server.url()).unwrap();
        let asked = sql_query("SELECT current_setting('data_directory') AS value");
        let folder = asked.get_result::<Setting>(&mut conn).unwrap().value;
        let written = fs::read_to_string(format!("{folder}/postmaster.pid")).unwrap();
        let postmaster = written.lines().next().unwrap().trim().to_owned();
        signal("STOP", std::slice::from_ref(&postmaster));
        // It starts no others any more.
        let mut pids = children(&postmaster);
        signal("STOP", &pids);
        pids.push(postmaster);
        Self { pids }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal("CONT", &self.pids);
    }
}

fn children(parent: &str) -> Vec<String> {
    let listed = Command::new("ps").args(["-o", "pid=", "--ppid", parent]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    listed.split_whitespace().map(str::to_owned).collect()
}

fn signal(name: &str, pids: &[String]) {
    // One of them may have ended meanwhile.
    Command::new("kill").arg(format!("-{name}")).args(pids).status().unwrap();
}
