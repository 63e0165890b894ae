//! A server that counts what each statement costs, with `pg_stat_statements`.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};

use super::rows::count;

/// Starts such a server, whose database is empty. `None`, with a word about it, where the system has no such extension.
pub fn counting_server() -> Option<EmbeddedPostgres> {
    let server = start();
    if server.is_none() {
        eprintln!("skipped: this system has no pg_stat_statements");
    }
    server
}

fn start() -> Option<EmbeddedPostgres> {
    let options = || EmbeddedOptions::temporary().without_fsync().installed_only();
    let plain = EmbeddedPostgres::start(options()).ok()?;
    let conn = &mut PgConnection::establish(plain.url()).unwrap();
    if count(conn, "pg_available_extensions WHERE name = 'pg_stat_statements'") == 0 {
        return None;
    }
    drop(plain);
    let options = options().setting("shared_preload_libraries", "pg_stat_statements");
    let options = options.setting("max_connections", "300").setting("pg_stat_statements.max", "5000");
    Some(EmbeddedPostgres::start(options).unwrap())
}

/// Starts such a server with a migrated database, and counts from now on.
pub fn migrated_counting_server() -> Option<(EmbeddedPostgres, PgConnection)> {
    let server = counting_server()?;
    let mut conn = PgConnection::establish(server.url()).unwrap();
    mainspring::database::migrate(&mut conn).unwrap();
    conn.batch_execute("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()").unwrap();
    Some((server, conn))
}
