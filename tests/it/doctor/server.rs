//! What concerns a whole server, on servers of our own: no other test shares them.

use std::sync::LazyLock;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::doctor::{Code, Options, Severity};
use mainspring::embedded::{EmbeddedOptions, EmbeddedPostgres};
use mainspring::{Scheduler, database};

use super::{assert_cured, carry_out, findings, only, report};
use crate::cli::program;
use crate::embedded::Scratch;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::until;

// Tests change different settings of it, and look for different findings, so they may run at once.
static SHARED: LazyLock<EmbeddedPostgres> = LazyLock::new(|| migrated(options()));

fn options() -> EmbeddedOptions {
    let options = EmbeddedOptions::temporary().installed_only().setting("max_prepared_transactions", "5");
    options.setting("shared_preload_libraries", "pg_stat_statements")
}

fn migrated(options: EmbeddedOptions) -> EmbeddedPostgres {
    let server = EmbeddedPostgres::start(options).unwrap();
    database::migrate(&mut connection(&server)).unwrap();
    server
}

fn connection(server: &EmbeddedPostgres) -> PgConnection {
    PgConnection::establish(server.url()).unwrap()
}

fn alter_system(server: &EmbeddedPostgres, change: &str) {
    let mut conn = connection(server);
    conn.batch_execute(&format!("ALTER SYSTEM SET {change}")).unwrap();
    conn.batch_execute("SELECT pg_reload_conf()").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_database_has_no_finding_and_the_program_exits_with_0() {
    let server = migrated(options());
    let scheduler = Scheduler::builder(server.url()).handler(behave).start().await.unwrap();
    scheduler.enqueue(act("works")).await.unwrap();
    until(&server, "mainspring.history", 1).await;
    let found = report(server.url(), &Options::new());
    let infos = found.findings.iter().all(|finding| finding.severity == Severity::Info);
    assert!(infos && found.unchecked.is_empty() && found.count() == 0, "{found:?}");
    let output = program(&["doctor"]).env("DATABASE_URL", server.url()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.ends_with("no findings\n"), "{text}");
    scheduler.stop().await;
}

#[test]
fn settings_of_the_server_that_hurt_are_set_right() {
    for (setting, code) in [
        ("fsync = off", Code::FsyncOff),
        ("full_page_writes = off", Code::FullPageWritesOff),
        ("autovacuum = off", Code::AutovacuumOff),
        ("track_counts = off", Code::AutovacuumOff),
        ("idle_in_transaction_session_timeout = 0", Code::IdleTransactionsUnbounded),
    ] {
        alter_system(&SHARED, setting);
        let found = assert_cured(SHARED.url(), code);
        assert!(found.cure.text.starts_with("ALTER SYSTEM SET "), "{found:?}");
    }
}

#[test]
fn a_setting_of_the_servers_command_line_is_for_a_person() {
    let server = migrated(EmbeddedOptions::temporary().without_fsync());
    let found = only(server.url(), Code::FsyncOff);
    assert!(
        found.cure.text.contains("command line") || found.cure.text.starts_with("ALTER SYSTEM"),
        "{found:?}"
    );
    // Its cost is worth knowing, and no more: nothing is preloaded here.
    assert!(only(server.url(), Code::StatementsUntracked).cure.text.contains("shared_preload_libraries"));
}

#[test]
fn the_extension_that_tracks_statements_is_created() {
    let found = assert_cured(SHARED.url(), Code::StatementsUntracked);
    assert_eq!(found.severity, Severity::Info);
}

#[test]
fn a_prepared_transaction_is_rolled_back() {
    let mut conn = connection(&SHARED);
    conn.batch_execute(
        "BEGIN; INSERT INTO mainspring.queues (name) VALUES ('never'); PREPARE TRANSACTION 'it''s old'",
    )
    .unwrap();
    assert_eq!(findings(SHARED.url(), Code::PreparedTransactionOld), []);
    let at_once = Options::new().longest_transaction(std::time::Duration::ZERO);
    let old = || super::of_code(report(SHARED.url(), &at_once), Code::PreparedTransactionOld);
    let found = old();
    assert_eq!(found.len(), 1, "{found:?}");
    carry_out(SHARED.url(), &found[0].cure);
    assert_eq!(old(), []);
}

#[test]
fn a_slot_that_nobody_reads_is_dropped() {
    alter_system(&SHARED, "max_wal_size = '32MB'");
    let mut conn = connection(&SHARED);
    conn.batch_execute("SELECT pg_create_physical_replication_slot('forgotten', true)").unwrap();
    assert_eq!(findings(SHARED.url(), Code::SlotInactive), []);
    for _ in 0..8 {
        conn.batch_execute("CREATE TABLE switched (); DROP TABLE switched").unwrap();
        conn.batch_execute("SELECT pg_switch_wal()").unwrap();
    }
    let found = assert_cured(SHARED.url(), Code::SlotInactive);
    assert_eq!(found.cure.text, "SELECT pg_drop_replication_slot('forgotten');");
}

#[test]
fn a_server_with_few_free_connections_takes_more_after_a_restart() {
    let folder = Scratch::new();
    let kept = || {
        EmbeddedPostgres::start(EmbeddedOptions::kept_in(folder.path().join("data")).without_fsync()).unwrap()
    };
    let server = kept();
    database::migrate(&mut connection(&server)).unwrap();
    let most =
        count(&mut connection(&server), "generate_series(1, current_setting('max_connections')::integer)");
    let crowd =
        |server: &EmbeddedPostgres| (0..most * 9 / 10).map(|_| connection(server)).collect::<Vec<_>>();
    let held = crowd(&server);
    let found = only(server.url(), Code::ConnectionsScarce);
    carry_out(server.url(), &found.cure);
    drop(held);
    drop(server);
    let server = kept();
    let held = crowd(&server);
    super::assert_gone(server.url(), Code::ConnectionsScarce);
    drop(held);
}
