//! Schemas that the packages of Graphile Worker have made and worked in. `.ci/graphile` fetches them and runs these tests.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use diesel::PgConnection;
use diesel::connection::SimpleConnection;
use mainspring::import::LeftReason;

use super::crontab::fires;
use super::{JOBS, assert_count, left, moved, preview};
use crate::cli::{answer, program};
use crate::support::database::TestDatabase;

const VERSIONS: [&str; 2] = ["0.17.3", "0.18.0"];

/// Runs a part of worker.mjs.
fn worker(version: &str, database: &TestDatabase, arguments: &[&str]) -> Command {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("target/tools/graphile-{version}"));
    let mut command = Command::new("node");
    command.arg("worker.mjs").args(arguments).current_dir(folder).env("DATABASE_URL", database.url());
    command
}

fn done(mut command: Command) {
    let output = command.output().expect("run node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn made_by(version: &str) -> (TestDatabase, PgConnection) {
    let database = TestDatabase::new();
    done(worker(version, &database, &["migrate"]));
    let conn = database.connection();
    (database, conn)
}

#[test]
#[ignore = "needs the packages that .ci/graphile fetches"]
fn jobs_of_each_kind_move() {
    for version in VERSIONS {
        let (database, mut conn) = made_by(version);
        done(worker(version, &database, &["jobs"]));
        let told = preview(&mut conn);
        // Meanwhile a retry may have become due.
        let report = moved(&mut conn);
        assert_eq!((report.moved_jobs(), report.left_jobs), (told.moved_jobs(), told.left_jobs.clone()));
        assert_eq!((told.moved_jobs(), told.left_jobs.len()), (7, 1), "{version}");
        assert_eq!(told.left_jobs[0].reason, LeftReason::Invalid, "{version}");
        for row in [
            "task = 'fails' AND key = 'failed' AND attempts = 1 AND max_attempts = 5 AND last_error = 'no route' AND state <> 'dead'",
            "task = 'fails' AND key = 'dead' AND state = 'dead' AND last_error = 'no route'",
            "payload = '{\"n\": 3}' AND state = 'ready' AND queue IS NULL AND flags IS NULL",
            "payload = '{\"n\": 4}' AND state = 'parked' AND queue = 'mails' AND priority = -3 AND flags = '{big,slow}'",
            "payload = '{\"n\": 6}' AND key = 'later' AND run_at = '2100-01-01 09:00+00' AND revision = 1",
            "payload = '[7]'",
        ] {
            assert_count(&mut conn, &format!("mainspring.jobs WHERE {row}"), 1);
        }
        assert_count(&mut conn, JOBS, 1);
    }
}

#[test]
#[ignore = "needs the packages that .ci/graphile fetches"]
fn a_running_worker_keeps_its_job_and_its_queue() {
    for version in VERSIONS {
        let (database, mut conn) = made_by(version);
        let mut holding = worker(version, &database, &["hold"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holding.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "holding\n");
        let report = moved(&mut conn);
        holding.kill().unwrap();
        holding.wait().unwrap();
        assert_eq!(left(&report), [(1, LeftReason::Locked), (2, LeftReason::QueueLocked)], "{version}");
        let holder = report.left_jobs[0].locked_by.clone().unwrap();
        assert!(report.left_jobs.iter().all(|job| job.locked_by.as_ref() == Some(&holder)), "{report:?}");
        conn.batch_execute(&format!("SELECT graphile_worker.force_unlock_workers(ARRAY['{holder}'])"))
            .unwrap();
        assert_eq!(moved(&mut conn).moved_jobs(), 2, "{version}");
        assert_count(&mut conn, "mainspring.jobs WHERE queue = 'held' AND state = 'parked'", 2);
    }
}

#[tokio::test]
#[ignore = "needs the packages that .ci/graphile fetches"]
async fn each_hour_of_a_line_fires_once_there_or_here() {
    const LINE: &str = "0 * * * * tick ?id=each&fill=1d";
    for version in VERSIONS {
        let (database, mut conn) = made_by(version);
        done(worker(version, &database, &["cron", LINE]));
        conn.batch_execute("UPDATE graphile_worker._private_known_crontabs SET known_since = date_trunc('hour', now()) - interval '150 min'").unwrap();
        done(worker(version, &database, &["cron", LINE]));
        assert_count(&mut conn, JOBS, 3);
        let report = moved(&mut conn);
        assert_eq!((report.moved_jobs(), report.lines), (3, 1), "{version}");
        // The three that were added there run here, and no other is added.
        let mut fired = fires(&database, LINE, 3).await;
        fired.dedup();
        assert_eq!(fired.len(), 3, "{version}");
        assert_count(&mut conn, "mainspring.schedule_fires", 0);
    }
}

#[test]
#[ignore = "needs the packages that .ci/graphile fetches"]
fn the_functions_take_the_place_of_the_schema_in_one_transaction() {
    for version in VERSIONS {
        let (database, mut conn) = made_by(version);
        done(worker(version, &database, &["jobs"]));
        let functions = answer(program(&["import", "graphile-functions"]).output().unwrap());
        conn.batch_execute(&format!(
            "BEGIN; ALTER SCHEMA graphile_worker RENAME TO graphile_old; {functions} COMMIT"
        ))
        .unwrap();
        let old = mainspring::Schema::new("graphile_old").unwrap();
        assert_eq!(mainspring::import::graphile(&mut conn, &old).unwrap().moved_jobs(), 7, "{version}");
        conn.batch_execute(
            "SELECT graphile_worker.add_job('plain', json_build_object('n', 9), job_key := 'later')",
        )
        .unwrap();
        assert_count(
            &mut conn,
            "mainspring.jobs WHERE key = 'later' AND payload = '{\"n\": 9}' AND revision = 2",
            1,
        );
    }
}

/// The names at the beginning of lines of a block, behind which `mark` stands.
fn names<'a>(text: &'a str, block: &str, mark: &str) -> Vec<&'a str> {
    let (_, rest) = text.split_once(block).unwrap_or_else(|| panic!("no {block}"));
    let indent = text[..text.len() - rest.len() - block.len()].rsplit('\n').next().unwrap_or_default();
    let end = format!("\n{}}}", " ".repeat(indent.len() - indent.trim_start().len()));
    let (lines, _) = rest.split_once(&end).unwrap();
    let named = lines.lines().filter_map(|line| Some(line.trim().split_once(mark)?.0.trim_matches('"')));
    named.filter(|name| name.chars().all(|letter| letter.is_alphanumeric() || letter == ':')).collect()
}

#[test]
#[ignore = "needs the packages that .ci/graphile fetches"]
fn the_page_about_moving_has_each_name_of_the_package() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let package = folder.join("target/tools/graphile-0.18.0/node_modules/graphile-worker/dist");
    let read = |name: &str| std::fs::read_to_string(package.join(name)).unwrap();
    let (interfaces, index, program) = (read("interfaces.d.ts"), read("index.d.ts"), read("cli.js"));
    let mut wanted = names(&interfaces, "type WorkerEventMap = {", ": {");
    assert!(wanted.len() > 40, "{wanted:?}");
    for options in [
        "SharedOptions {",
        "WorkerOptions extends WorkerSharedOptions {",
        "RunnerOptions extends WorkerPoolOptions {",
        "TaskSpec {",
        "WorkerUtils extends Helpers {",
        "Helpers {",
        "JobHelpers extends Helpers {",
        "Runner {",
    ] {
        for mark in ["?:", ":", "("] {
            wanted.extend(names(&interfaces, &format!("export interface {options}"), mark));
        }
    }
    wanted.extend(names(&index, "interface WorkerOptions {", "?:"));
    let options: Vec<String> = program
        .split(".option(\"")
        .skip(1)
        .map(|rest| format!("--{}", rest.split('"').next().unwrap()))
        .collect();
    let exported = index.lines().filter_map(|line| line.strip_prefix("export { ")?.split_once(" }"));
    let exported: Vec<&str> = exported.flat_map(|(names, _)| names.split(", ")).collect();
    assert!(
        wanted.len() > 90 && options.len() == 11 && exported.len() > 10,
        "{wanted:?} {options:?} {exported:?}"
    );
    let page = std::fs::read_to_string(folder.join("docs/MIGRATING.md")).unwrap();
    let words: Vec<&str> =
        page.split(|letter: char| !letter.is_alphanumeric() && !":-_".contains(letter)).collect();
    let wanted = wanted.into_iter().chain(options.iter().map(String::as_str)).chain(exported);
    let missing: Vec<&str> = wanted.filter(|name| !words.contains(name)).collect();
    assert!(missing.is_empty(), "docs/MIGRATING.md lacks {missing:?}");
}
