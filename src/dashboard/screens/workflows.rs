//! The workflows and batches, the latest first, with how far each is.

use maud::{Markup, html};
use serde::Deserialize;

use super::filter::number;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::{self, link};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::empty;
use crate::dashboard::parts::number::{capped, count};
use crate::dashboard::parts::pages::{self, PAGE};
use crate::dashboard::parts::text::{dash, name};
use crate::dashboard::parts::time::moment_and_age;
use crate::dashboard::visit::Visit;
use crate::store::workflows::pages::{ListedWorkflow, MOST_OF_A_LIST, MOST_OF_EACH};
use crate::store::workflows::{WorkflowFilter, WorkflowState, WorkflowStatus};

/// The fields of the form, as texts. An empty one is no condition.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    name: String,
    before: String,
}

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let wanted: Wanted = visit.query()?;
    let mut rows = visit.scheduler().workflows().page(wanted.filter()?).await?;
    let next = pages::cut(&mut rows).map(|row| wanted.from(&row.id.to_string()));
    let body = html! {
        h1 { "Workflows" }
        (form(&wanted))
        @if rows.is_empty() { (wanted.nothing()) } @else { (table(&rows, visit)) }
        (pages::links((!wanted.before.is_empty()).then(|| wanted.from("")), next))
        @if rows.iter().any(|row| row.counted.is_none()) {
            p.muted {
                "A page counts up to " (count(MOST_OF_EACH)) " jobs of a workflow, and " (count(MOST_OF_A_LIST)) " in all. The page \
                 of a workflow counts more."
            }
        }
    };
    Ok(Page::live("Workflows", Place::Workflows, body))
}

impl Wanted {
    fn filter(&self) -> Result<WorkflowFilter, Failure> {
        let mut filter = WorkflowFilter::new();
        filter.name = (!self.name.is_empty()).then(|| self.name.clone());
        (filter.before, filter.limit) = (number("before", &self.before)?, PAGE + 1);
        Ok(filter)
    }

    fn from(&self, before: &str) -> String {
        link("workflows", &[("name", &self.name), ("before", before)])
    }

    fn nothing(&self) -> Markup {
        if !self.name.is_empty() {
            return empty("No workflow has this name.", "Names are compared as they are written, and whole.");
        }
        empty(
            "There are no workflows.",
            "Jobs that the application adds together appear here, as does a batch.",
        )
    }
}

fn form(wanted: &Wanted) -> Markup {
    html! {
        form.filter method="get" action="workflows" role="search" aria-label="Filter" {
            label { "Name" input type="text" name="name" value=(wanted.name) dir="auto" autocomplete="off"; }
            button.button type="submit" { "Filter" }
            @if !wanted.name.is_empty() { a href="workflows" { "Clear" } }
        }
    }
}

fn table(rows: &[ListedWorkflow], visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Workflows" {
            table {
                thead { tr {
                    th.number scope="col" { "Workflow" }
                    th scope="col" { "Name" }
                    th scope="col" { "State" }
                    th scope="col" { "Progress" }
                    th.number scope="col" { "Jobs" }
                    th.number.wide scope="col" { "Done" }
                    th.number.wide scope="col" { "Running" }
                    th.number.wide scope="col" { "Waiting" }
                    th.number scope="col" { "Dead" }
                    th.wide scope="col" { "Added" }
                } }
                tbody { @for row in rows { (line(row, visit)) } }
            }
        }
    }
}

fn line(row: &ListedWorkflow, visit: &Visit) -> Markup {
    let number = |number: fn(&WorkflowStatus) -> i64| match &row.counted {
        Some(counted) => html! { (count(number(counted))) },
        None => dash(),
    };
    html! {
        tr id=(format!("workflow-{}", row.id)) {
            td.number { a href=(links::workflow(row.id)) { (row.id) } }
            td.clip { (name(&row.name)) @if row.cancelled_at.is_some() { " " span.tag { "cancelled" } } }
            td { @match &row.counted { Some(counted) => (state(counted.state)), None => (dash()) } }
            td.nowrap { @match &row.counted { Some(counted) => (progress(counted)), None => "not counted" } }
            td.number { (jobs(row, MOST_OF_EACH)) }
            td.number.wide { (number(|row| row.done)) }
            td.number.wide { (number(|row| row.running)) }
            td.number.wide { (number(|row| row.waiting)) }
            td.number { (number(|row| row.dead)) }
            td.nowrap.wide { (moment_and_age(row.created_at, visit.now)) }
        }
    }
}

/// How many jobs it has without the callback, where at most so many are counted.
pub(super) fn jobs(row: &ListedWorkflow, most: i64) -> String {
    match &row.counted {
        Some(counted) => count(counted.total),
        None if row.members > most => capped(most, most),
        None => count(row.members - i64::from(row.callback.is_some())),
    }
}

/// Where a workflow stands, as a word with a colour.
pub(super) fn state(state: WorkflowState) -> Markup {
    let colour = match state {
        WorkflowState::Running => "running",
        WorkflowState::Waiting => "scheduled",
        WorkflowState::Failed => "dead",
        WorkflowState::Finished => "succeeded",
    };
    html! { span class=(format!("state {colour}")) { (state.as_str()) } }
}

/// How many of a hundred jobs are done, with a bar.
pub(super) fn progress(row: &WorkflowStatus) -> Markup {
    let percent = row.percent();
    html! { progress max="100" value=(percent) aria-label="Progress" { (percent) " %" } " " (percent) " %" }
}
