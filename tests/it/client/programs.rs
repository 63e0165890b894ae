//! The programs in Python and JavaScript of the guide, as they are printed there. `.ci/clients` fetches their libraries and runs
//! these tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diesel::connection::SimpleConnection;

use crate::roles::Role;
use crate::support::database::TestDatabase;
use crate::support::rows::count;

const PAGE: &str = include_str!("../../../docs/guide/clients.md");

/// The only block of the page in that language.
fn block(language: &str) -> &'static str {
    let fence = format!("\n```{language}\n");
    let mut blocks = PAGE.split(&fence).skip(1);
    let block = blocks.next().unwrap_or_else(|| panic!("the page has no block in {language}"));
    assert!(blocks.next().is_none(), "the page has several blocks in {language}");
    block.split("```").next().unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/clients")
}

/// Runs the program of that language as a role that may only add jobs. It must print what the page says.
fn run(language: &str, file: &str, mut command: Command) {
    let database = TestDatabase::new();
    let role = Role::granted(&database, "enqueue");
    let mut owner = database.connection();
    let orders = format!("CREATE TABLE orders (id int PRIMARY KEY); GRANT INSERT ON orders TO {}", role.name);
    owner.batch_execute(&orders).unwrap();
    fs::write(folder().join(file), block(language)).unwrap();
    command.arg(file).current_dir(folder()).env("DATABASE_URL", role.url()).stdin(Stdio::null());
    let output = command.output().unwrap();
    let (printed, errors) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    assert_eq!(printed, block("text"), "{errors}");
    let receipts = "mainspring.jobs AS j WHERE j.task = 'receipt.send' AND j.key IS NULL AND j.queue IS NULL";
    assert_eq!(count(&mut owner, receipts), 4);
    let of_order = "orders AS o JOIN mainspring.jobs AS j ON j.payload = jsonb_build_object('order', o.id)";
    assert_eq!(count(&mut owner, of_order), 1);
}

#[test]
#[ignore = "needs the library that .ci/clients fetches"]
fn the_program_in_python_prints_what_the_guide_says() {
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder().join("python"));
    run("python", "program.py", python);
}

#[test]
#[ignore = "needs the library that .ci/clients fetches"]
fn the_program_in_javascript_prints_what_the_guide_says() {
    run("javascript", "program.mjs", Command::new("node"));
}
