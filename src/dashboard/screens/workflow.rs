//! One workflow: how far it is, its jobs with what each waits for, and what may be done to it.

use maud::{Markup, html};
use serde::Deserialize;

use super::audit::acts_on;
use super::workflows::{jobs, progress, state};
use crate::dashboard::access::Right;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::audit_table;
use crate::dashboard::parts::fact::fact;
use crate::dashboard::parts::form::{Weight, asking, button};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::parts::text::{name, plain};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::parts::workflow_graph::graph;
use crate::dashboard::parts::workflow_jobs::{Signals, table};
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;
use crate::store::workflows::pages::{
    ListedWorkflow, MOST_OF_ONE, Member, MemberFilter, MemberPage, MemberState,
};
use crate::store::workflows::{WorkflowJob, WorkflowState, WorkflowStatus};

#[derive(Deserialize)]
struct Wanted {
    id: i64,
    /// The page behind this job.
    #[serde(default)]
    after: i64,
    #[serde(default)]
    counts: Counts,
    /// The state of the jobs that are shown. Empty: all.
    #[serde(default)]
    state: String,
}

impl Wanted {
    fn filter(&self) -> Result<MemberFilter, Failure> {
        let state = match self.state.as_str() {
            "" => None,
            text => Some(MemberState::all().find(|state| state.as_str() == text).ok_or_else(|| {
                let states: Vec<&str> = MemberState::all().map(MemberState::as_str).collect();
                Failure::Invalid(format!("state must be one of {}", states.join(", ")))
            })?),
        };
        Ok(MemberFilter { after: self.after, state, limit: PAGE + 1 })
    }

    /// The page of these jobs behind one of them.
    fn behind(&self, after: Option<i64>) -> String {
        let after = after.map(|after| after.to_string()).unwrap_or_default();
        link("workflow", &[("id", &self.id.to_string()), ("state", &self.state), ("after", &after)])
    }
}

/// Which jobs are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Counts {
    /// Those of a workflow that has not too many.
    #[default]
    Bounded,
    All,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let id = wanted.id;
    let mut row = visit.workflow(id).await?;
    if wanted.counts == Counts::All && row.counted.is_none() {
        row.counted = visit.scheduler().workflows().get(id).await?;
    }
    let MemberPage { mut members, looked_to } =
        visit.scheduler().workflows().members(id, wanted.filter()?).await?;
    let last = pages::cut(&mut members).map(|member| member.job.id);
    let acts = acts_on(visit, "workflow", &id.to_string()).await?;
    let body = html! {
        h1 { "Workflow " (id) ": " (name(&row.name)) " " @if let Some(counted) = &row.counted { (state(counted.state)) } @if row.cancelled_at.is_some() { " " span.tag { "cancelled" } } }
        (actions(&row, visit))
        (remark(&row))
        section aria-labelledby="facts" { h2 #facts { "How far it is" } (facts(&row, visit)) }
        (drawing(&members))
        section aria-labelledby="jobs" {
            h2 #jobs { "Jobs" }
            (states(&wanted))
            @if members.is_empty() { (nothing(&wanted)) } @else { (table(&members, id, signals(visit))) }
            (other_pages(&wanted, last, looked_to))
        }
        (audit_table::section(&acts, visit.now))
    };
    let title = format!("Workflow {id}: {}", plain(&row.name));
    // Another reading would count them all again.
    Ok(match wanted.counts {
        Counts::Bounded => Page::live(title, Place::Workflows, body),
        Counts::All => Page::still(title, Place::Workflows, body),
    })
}

fn signals(visit: &Visit) -> Signals {
    if visit.may(Right::SendSignals) { Signals::CanBeSent } else { Signals::Shown }
}

fn actions(row: &ListedWorkflow, visit: &Visit) -> Markup {
    let id = row.id.to_string();
    let can = |possible: fn(&WorkflowStatus) -> bool| row.counted.as_ref().is_none_or(possible);
    html! {
        div.actions {
            @if can(|row| row.dead > 0 || row.state == WorkflowState::Failed) && visit.may(Right::RetryJobs) {
                (button(Deed::RetryWorkflow, ("id", &id), "Retry the dead jobs"))
            }
            @if can(|row| row.state != WorkflowState::Finished) && visit.may(Right::CancelJobs) {
                (asking(Deed::CancelWorkflow, row.id, "Cancel …", Weight::Danger))
            }
        }
    }
}

fn remark(row: &ListedWorkflow) -> Markup {
    let state = row.counted.as_ref().map(|counted| counted.state);
    html! {
        @match state {
            Some(WorkflowState::Failed) => {
                p.muted { "It goes on when its dead jobs are retried and succeed, or when those that they hold are released." }
            }
            Some(WorkflowState::Waiting) => {
                p.muted { "All that is left waits for signals, or for jobs that do not belong to it." }
            }
            Some(WorkflowState::Running | WorkflowState::Finished) => {}
            None => {
                p.muted {
                    "It has more jobs than a page counts. "
                    a href=(link("workflow", &[("id", &row.id.to_string()), ("counts", "all")])) { "Count them once" }
                }
            }
        }
    }
}

fn facts(row: &ListedWorkflow, visit: &Visit) -> Markup {
    html! {
        dl.facts {
            (fact("Jobs", html! { (jobs(row, MOST_OF_ONE)) }))
            @if let Some(counted) = &row.counted {
                (fact("Progress", progress(counted)))
                (fact("Done", html! { (count(counted.done)) }))
                (fact("Running", html! { (count(counted.running)) }))
                (fact("Waiting", html! { (count(counted.waiting)) }))
                (fact("Dead", html! { (count(counted.dead)) }))
            }
            @if let Some(callback) = row.callback {
                (fact("Callback", html! { a href=(links::job(callback)) { "job " (callback) } }))
            }
            (fact("Added", moment_and_age(row.created_at, visit.now)))
        }
    }
}

fn drawing(members: &[Member]) -> Markup {
    let jobs: Vec<WorkflowJob> = members.iter().map(|member| member.job.clone()).collect();
    html! {
        @if let Some(drawn) = graph(&jobs) {
            section aria-labelledby="graph" { h2 #graph { "Which waits for which" } (drawn) }
        }
    }
}

fn states(wanted: &Wanted) -> Markup {
    let address = |state: &str| link("workflow", &[("id", &wanted.id.to_string()), ("state", state)]);
    let current = |state: &str| (wanted.state == state).then_some("true");
    html! {
        nav.tabs aria-label="States" {
            a href=(address("")) aria-current=[current("")] { "all" }
            @for state in MemberState::all() {
                a href=(address(state.as_str())) aria-current=[current(state.as_str())] {
                    (state.as_str())
                }
            }
        }
    }
}

fn nothing(wanted: &Wanted) -> Markup {
    if wanted.state.is_empty() {
        return empty("There are no jobs here.", "");
    }
    empty("None of the jobs that this page looks at is in this state.", "")
}

fn other_pages(wanted: &Wanted, last: Option<i64>, looked_to: Option<i64>) -> Markup {
    let next = last.or(looked_to).map(|last| wanted.behind(Some(last)));
    let words = if last.is_none() && looked_to.is_some() { "Look further" } else { "Next page" };
    let first = (wanted.after > 0).then(|| wanted.behind(None));
    html! {
        @if looked_to.is_some() {
            p.muted { "A page looks at up to " (count(MOST_OF_ONE)) " jobs. There may be more in this state." }
        }
        @if first.is_some() || next.is_some() {
            p.muted { "A page has " (PAGE) " jobs in the order in which they were added. The drawing shows those." }
        }
        (pages::links_with(first, next, words))
    }
}
