//! A workflow as a graph: lines of text, and the language of Graphviz.

use std::collections::HashMap;
use std::io::Write;

use mainspring::jobs::JobStatus;
use mainspring::workflows::{WorkflowJob, WorkflowStatus, depths, edges};

use crate::failure::Failure;
use crate::output::printable;

/// Jobs further behind are not indented more.
const DEEPEST: usize = 20;

/// Prints a line for each job, those first that wait for none.
pub(super) fn text(
    out: &mut impl Write,
    workflow: &WorkflowStatus,
    jobs: &[WorkflowJob],
) -> Result<(), Failure> {
    let WorkflowStatus { id, name, state, done, total, dead, cancelled_at, .. } = workflow;
    let cancelled = cancelled_at.map_or("", |_| ", cancelled");
    let name = printable(name);
    writeln!(out, "{name} (workflow {id}): {state}{cancelled}, {done} of {total} done, {dead} dead")?;
    let depths = depths(jobs);
    let mut lines: Vec<usize> = (0..jobs.len()).collect();
    lines.sort_by_key(|&place| (depths[place], jobs[place].id));
    let title = |place: usize| "  ".repeat(depths[place].min(DEEPEST)) + &title(&jobs[place]);
    let width = lines.iter().map(|&place| title(place).chars().count()).max().unwrap_or_default();
    let names: HashMap<i64, String> = jobs.iter().map(|job| (job.id, self::title(job))).collect();
    for place in lines {
        let (job, title) = (&jobs[place], title(place));
        let line = format!("{title:width$}  {:9}  job {}{}", state_of(job), job.id, waits(job, &names));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints the graph in the language of Graphviz.
pub(super) fn dot(
    out: &mut impl Write,
    workflow: &WorkflowStatus,
    jobs: &[WorkflowJob],
) -> Result<(), Failure> {
    writeln!(out, "digraph {} {{\n  rankdir=LR;\n  node [shape=box];", quoted(&workflow.name))?;
    for job in jobs {
        let label = quoted(&format!("{}\n{}", title(job), state_of(job)));
        writeln!(out, "  job{} [label={label}];", job.id)?;
    }
    for (parent, child) in edges(jobs) {
        writeln!(out, "  job{} -> job{};", jobs[parent].id, jobs[child].id)?;
    }
    for (place, signal) in jobs.iter().flat_map(|job| job.signals.iter().map(|signal| (job.id, signal))) {
        let signal = quoted(&format!("signal {signal}"));
        writeln!(out, "  {signal} [shape=plain];\n  {signal} -> job{place};")?;
    }
    Ok(writeln!(out, "}}")?)
}

fn title(job: &WorkflowJob) -> String {
    let callback = job.is_callback.then_some("callback");
    let text = job.name.as_deref().or(callback).or(job.task.as_deref()).unwrap_or("job");
    printable(text)
}

fn state_of(job: &WorkflowJob) -> &'static str {
    job.state.map_or("gone", JobStatus::as_str)
}

fn waits(job: &WorkflowJob, names: &HashMap<i64, String>) -> String {
    let parents = job.parents.iter().filter_map(|id| names.get(id).cloned());
    let signals = job.signals.iter().map(|signal| format!("signal {}", printable(signal)));
    let all: Vec<String> = job.is_callback.then(|| "all others".into()).into_iter().chain(parents).collect();
    let all: Vec<String> = all.into_iter().chain(signals).collect();
    if all.is_empty() { String::new() } else { format!("  after {}", all.join(", ")) }
}

fn quoted(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(printable).collect();
    format!("\"{}\"", lines.join("\n").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
