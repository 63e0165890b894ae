//! The commands of the program `mainspring`, with values of a round, and what their sessions are called.

use std::process::Output;

use diesel::connection::SimpleConnection;

use super::names;
use crate::cli::{answer, program};
use crate::support::database::TestDatabase;

fn run(url: &str, arguments: &[&str]) -> Output {
    program(arguments).env("DATABASE_URL", url).output().unwrap()
}

/// Has the program add a job, look at everything, and clean up.
pub(super) fn commands(url: &str, round: usize) {
    let (queue, key, within) = (format!("queue {round}"), format!("key {round}"), format!("{round}h"));
    let id =
        answer(run(url, &["enqueue", "nobody", "{}", "--queue", &queue, "--in", &within, "--key", &key]));
    let id = id.trim();
    for arguments in [
        &["status"][..],
        &["stats", "--since", &within],
        &["gauges"],
        &["errors", "--since", &within],
        &["explain", id],
        &["jobs", "show", id, "--payload"],
        &["jobs", "list", "--task", &queue, "--limit", id],
        &["jobs", "history", "--limit", id],
        &["jobs", "cancel", id, "--reason", &key],
        &["queues", "list"],
        &["queues", "show", &queue],
        &["queues", "families"],
        &["queues", "task-limits"],
        &["tasks", "list"],
        &["workers", "list"],
        &["schedules", "list"],
        &["cleanup", "--dead-older-than", &within],
    ] {
        answer(run(url, arguments));
    }
    // Their exit codes tell what they have found.
    for arguments in [&["health"][..], &["doctor", "--longest-transaction", &within]] {
        let output = run(url, arguments);
        assert!(!output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// The names under which commands have written jobs, as a trigger has seen them. Each command has options of a URL, or a name by
/// the environment.
fn names_of_sessions(commands: &[(&str, &[&str])]) -> Vec<String> {
    let database = TestDatabase::new();
    let mut conn = database.connection();
    conn.batch_execute(
        "CREATE TABLE seen (n serial, name text); \
         CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO public.seen (name) VALUES (current_setting('application_name')); RETURN NULL; END $$; \
         CREATE TRIGGER see AFTER INSERT OR UPDATE ON mainspring.jobs FOR EACH STATEMENT EXECUTE FUNCTION see()",
    )
    .unwrap();
    for (options, arguments) in commands {
        let (url, variable) =
            options.strip_prefix('?').map_or((database.url(), *options), |_| (database.url() + options, ""));
        let mut command = program(arguments);
        command.env("DATABASE_URL", url).env("PGAPPNAME", variable);
        answer(command.output().unwrap());
    }
    names(&mut conn, "SELECT name FROM seen ORDER BY n")
}

#[test]
fn the_session_of_a_command_is_named_after_it() {
    let enqueue = &["enqueue", "note", "--in", "1h"][..];
    let names = names_of_sessions(&[
        ("", enqueue),
        ("", &["jobs", "reschedule", "1", "--in", "2h"]),
        ("?application_name=by%20the%20URL", enqueue),
        ("by the environment", enqueue),
    ]);
    assert_eq!(
        names,
        ["mainspring enqueue", "mainspring jobs reschedule", "by the URL", "by the environment"]
    );
}
