//! Cron lines and schedules: a blocked, faulty or late one delays only itself.

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::Scheduler;

use crate::support::database::TestDatabase;
use crate::support::rows::count;
use crate::support::waiting::{in_time_once, until, until_at_least};

mod catching_up;
mod clocks;
mod jumps;
mod locks;
mod overlap;
mod poison;

// No process has a handler for it, so that its jobs stay and can be counted.
const KEPT: &str = "kept";

/// Makes a schedule by SQL, with these further arguments.
fn make(conn: &mut PgConnection, name: &str, expression: &str, more: &str) {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let text = format!("SELECT mainspring.create_schedule('{name}', '{KEPT}', '{expression}'{more})");
    conn.batch_execute(&text).unwrap();
}

/// The fires of schedules and lines with that name, and another condition.
fn fires(name: &str, condition: &str) -> String {
    format!("mainspring.schedule_fires WHERE schedule = '{name}' AND {condition}")
}

/// The database's clock, as text that SQL reads.
fn now(conn: &mut PgConnection) -> String {
    #[derive(diesel::QueryableByName)]
    struct Now {
        #[diesel(sql_type = diesel::sql_types::Text)]
        now: String,
    }
    let text = "SELECT mainspring.now()::text AS now";
    diesel::RunQueryDsl::get_result::<Now>(diesel::sql_query(text), conn).unwrap().now
}
