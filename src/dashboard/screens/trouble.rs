//! What is wrong now, the worst first: the health of this process, the findings of the doctor, and schedules that do not fire.

use maud::{Markup, html};

use crate::dashboard::links;
use crate::dashboard::parts::text::{name, plain};
use crate::dashboard::parts::time::moment;
use crate::dashboard::state::Pauses;
use crate::probe::Reason;
use crate::store::doctor::{Finding, Severity};
use crate::store::status::ScheduleProblem;

/// Something that is wrong.
pub(super) struct Trouble {
    severity: Severity,
    found: Markup,
    harm: String,
    /// A command, a statement or a sentence.
    cure: String,
}

impl From<&Finding> for Trouble {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity,
            found: name(&finding.found),
            harm: plain(&finding.harm),
            cure: finding.cure.text.clone(),
        }
    }
}

impl From<&ScheduleProblem> for Trouble {
    fn from(problem: &ScheduleProblem) -> Self {
        let found = html! {
            "The schedule "
            @if problem.owner == "people" { a href=(links::schedule(&problem.name)) { (name(&problem.name)) } }
            @else { (name(&problem.name)) }
            ": " (name(&problem.problem)) "."
        };
        Self { severity: Severity::Warning, found, harm: String::new(), cure: String::new() }
    }
}

impl Trouble {
    /// Why something is not healthy.
    pub(super) fn of(what: &str, reason: &Reason) -> Self {
        Self {
            severity: Severity::Error,
            found: html! { (what) ": " (reason) "." },
            harm: String::new(),
            cure: String::new(),
        }
    }

    /// What people have paused. The doctor reports a pause only when it may be forgotten.
    pub(super) fn of_pauses(pauses: &Pauses) -> Vec<Self> {
        let paused = |found: Markup| Self {
            severity: Severity::Warning,
            found,
            harm: String::new(),
            cure: String::new(),
        };
        let everything = pauses.everything.map(|since| {
            paused(html! { "Everything is paused since " (moment(since)) ". Nothing is claimed, and nothing fires." })
        });
        let tasks = pauses.tasks.iter().map(|task| {
            paused(html! { "The task " a href=(links::jobs_of_task(task)) { (name(task)) } " is paused." })
        });
        everything.into_iter().chain(tasks).collect()
    }
}

/// Shows them, or that there is none.
pub(super) fn list(mut troubles: Vec<Trouble>) -> Markup {
    troubles.retain(|trouble| trouble.severity > Severity::Info);
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.severity));
    html! {
        @if troubles.is_empty() {
            p.well { "Nothing is wrong." }
        } @else {
            ul.troubles { @for trouble in &troubles { (line(trouble)) } }
        }
    }
}

fn line(trouble: &Trouble) -> Markup {
    let severity = trouble.severity.to_string();
    html! {
        li class=(severity) {
            p { span.tag { (severity) } " " (trouble.found) }
            @if !trouble.harm.is_empty() { p.muted { (trouble.harm) } }
            @if !trouble.cure.is_empty() {
                details { summary { "What helps" } (crate::dashboard::parts::text::lines(&trouble.cure)) }
            }
        }
    }
}
