//! The doctor: each finding is provoked, the cure that it prints is carried out as it is printed, and the finding is gone.

use std::path::Path;
use std::process::Command;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use mainspring::Schema;
use mainspring::doctor::{By, Code, Cure, Finding, Options, Report, examine};

use crate::support::database::TestDatabase;
use crate::support::waiting::block_until;

mod cost;
mod law;
mod pauses;
mod program;
mod roles;
mod server;
mod sessions;
mod settings;
mod storage;
mod structure;
mod work;

/// A database of its own, after these statements.
fn broken(statements: &str) -> TestDatabase {
    let database = TestDatabase::new();
    database.connection().batch_execute(statements).unwrap();
    database
}

fn report(url: &str, options: &Options) -> Report {
    examine(&mut PgConnection::establish(url).unwrap(), options).unwrap()
}

fn of_code(report: Report, code: Code) -> Vec<Finding> {
    report.findings.into_iter().filter(|finding| finding.code == code).collect()
}

fn findings(url: &str, code: Code) -> Vec<Finding> {
    of_code(report(url, &Options::new()), code)
}

/// The one finding of this code. The server may need a moment to show what was done.
fn only(url: &str, code: Code) -> Finding {
    let mut found = Vec::new();
    block_until(&format!("one {code}"), || {
        found = findings(url, code);
        found.len() == 1
    });
    found.remove(0)
}

/// Waits until there is no such finding.
fn assert_gone(url: &str, code: Code) {
    block_until(&format!("no {code}"), || findings(url, code).is_empty());
}

/// Carries out the cure of the one finding of this code, after which it is gone.
fn assert_cured(url: &str, code: Code) -> Finding {
    let finding = only(url, code);
    carry_out(url, &finding.cure);
    assert_gone(url, code);
    finding
}

/// The same where a person has the cure, which is the work.
fn assert_cured_by_hand(url: &str, code: Code, work: impl FnOnce()) -> Finding {
    let finding = only(url, code);
    assert_eq!(finding.cure.by, By::Hand, "{finding:?}");
    work();
    assert_gone(url, code);
    finding
}

fn carry_out(url: &str, cure: &Cure) {
    match cure.by {
        By::Sql => {
            let mut conn = PgConnection::establish(url).unwrap();
            for line in cure.text.lines() {
                conn.batch_execute(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
        By::Command => {
            let folder = Path::new(env!("CARGO_BIN_EXE_mainspring")).parent().unwrap();
            let mut shell = Command::new("sh");
            shell.args(["-c", &cure.text]).env("DATABASE_URL", url);
            let output = shell.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).output().unwrap();
            assert!(output.status.success(), "{cure}: {}", String::from_utf8_lossy(&output.stderr));
        }
        _ => panic!("a person is to carry out: {cure}"),
    }
}

/// A command of the program as a cure prints it for the schema of the tests.
fn command(arguments: &str) -> String {
    match Schema::default().name() {
        "mainspring" => format!("mainspring {arguments}"),
        name => format!("mainspring --schema '{}' {arguments}", name.replace('\'', r"'\''")),
    }
}

#[test]
fn an_examination_leaves_the_callers_transaction_as_it_was() {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.transaction::<_, diesel::result::Error, _>(|conn| {
        let _ = examine(conn, &Options::new()).unwrap();
        conn.batch_execute(
            "INSERT INTO mainspring.queues (name) VALUES ('after'); \
             DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0' AND current_setting('enable_seqscan') = 'on'; END $$",
        )
    })
    .unwrap();
}
