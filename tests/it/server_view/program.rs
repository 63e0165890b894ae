//! The commands of the program `mainspring`, with values of a round.

use std::process::Output;

use crate::cli::{answer, program};

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
