//! Acts on all jobs that meet conditions: which there are, the question before one, and how it is added.

use maud::{Markup, html};
use serde::Deserialize;

use super::jobs::Changes;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::many_act::{ManyAct, act_named};
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::number::count;
use crate::dashboard::parts::text::name;
use crate::dashboard::routes::Deed;
use crate::dashboard::screens::Wanted;
use crate::dashboard::visit::{Visit, read};
use crate::lifecycle::JobState;
use crate::store::audit::{self, NewAuditEntry};
use crate::store::gauges::Gauges;
use crate::store::jobs::{Act, JobCount, JobFilter, JobStatus, StateFilter};
use crate::store::operations::{self, NewOperation};

/// Which act is meant.
#[derive(Deserialize)]
struct Of {
    #[serde(default)]
    act: String,
}

// The right to act on many permits each act only together with the right of that act.
fn asked(visit: &Visit) -> Result<(ManyAct, Wanted, JobFilter), Failure> {
    let Of { act } = visit.query()?;
    let act = act_named(&act)?;
    permit(visit, act)?;
    let wanted: Wanted = visit.query()?;
    if wanted.is_about_finished()? {
        return Err(Failure::Invalid("Finished jobs cannot be changed.".to_owned()));
    }
    let mut filter = wanted.conditions()?;
    if act == ManyAct::Retry && filter.state == StateFilter::Stored {
        filter.state = JobStatus::Dead.into();
    }
    Ok((act, wanted, filter))
}

/// Refuses a viewer who may not do this to a single job.
pub(super) fn permit(visit: &Visit, act: ManyAct) -> Result<(), Failure> {
    if visit.may(act.right()) { Ok(()) } else { Err(Failure::NoRight(act.right())) }
}

/// The question: which jobs, how many, and what is to be done.
pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let (act, wanted, filter) = asked(visit)?;
    let found = visit.scheduler().jobs().estimate(filter.clone()).await?;
    let gauges = visit.state.gauges().await;
    let fields = match act {
        ManyAct::Retry | ManyAct::Delete => html! {},
        ManyAct::Fail | ManyAct::Cancel => html! {
            label { "Reason" input type="text" name="reason" maxlength="500" autocomplete="off"; }
        },
        ManyAct::Reschedule => super::ask::fields_of_changes(),
    };
    let body = html! {
        h1 { (act.label()) "?" }
        p { "Jobs with " strong { (name(&wanted.in_words())) } "." }
        p { (number(found, &filter, gauges.as_deref())) " Jobs that are added from now on are left alone." }
        form.act method="post" action=(wanted.acted_on(Deed::ActOnMany.path(), act.as_str())) {
            (fields)
            p.muted { (act.way_back()) }
            div.actions {
                button class=(act.weight().class()) type="submit" { (act.label()) }
                a.button href=(wanted.listed()) { "Back" }
            }
        }
    };
    Ok(Page::still(act.label(), Place::Operations, body))
}

fn number(found: JobCount, filter: &JobFilter, gauges: Option<&Gauges>) -> Markup {
    html! {
        @match found {
            JobCount::Exactly(jobs) => { "These are " strong { (count(jobs)) } " jobs." }
            JobCount::AtLeast(jobs) => {
                "More than can be counted at once: " strong { (count(jobs)) } " of the last 10,000"
                @match expected(filter, gauges) {
                    Some(jobs) => { ", and about " strong { (count(jobs)) } " in all, by the last gauges." }
                    None => { "." }
                }
            }
        }
    }
}

// The gauges know states, and the tasks of a state.
fn expected(filter: &JobFilter, gauges: Option<&Gauges>) -> Option<i64> {
    let other = filter.queue.is_some()
        || filter.flag.is_some()
        || filter.error.is_some()
        || filter.worker_id.is_some();
    let gauges = gauges.filter(|_| !other)?;
    let of = |state: JobState| filter.state == StateFilter::Stored || filter.state == state.into();
    let of_task = |task: &str| filter.task.as_deref().is_none_or(|wanted| wanted == task);
    let jobs = gauges.jobs.iter().filter(|gauge| of(gauge.state) && of_task(&gauge.task));
    Some(jobs.map(|gauge| gauge.jobs).sum())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

/// Adds the operation, and returns its page.
pub(super) async fn add(visit: &Visit, form: &str) -> Result<String, Failure> {
    let (act, wanted, filter) = asked(visit)?;
    let Reason { reason } = read(form)?;
    let why = (!reason.is_empty()).then(|| reason.clone());
    let performed = match act {
        ManyAct::Retry => Act::Retry(None),
        ManyAct::Reschedule => Act::Reschedule(read::<Changes>(form)?.read(visit.now)?),
        ManyAct::Fail => Act::Fail(why),
        ManyAct::Cancel => Act::Cancel(why),
        ManyAct::Delete => Act::Delete,
    };
    let (who, words) = (visit.who.to_string(), wanted.in_words());
    let new =
        NewOperation { who: who.clone(), act: performed, filter, words: words.clone(), delay: act.delay() };
    let add = move |conn: &mut crate::store::Session<'_>| {
        let id = operations::add(conn, &new)?;
        let entry =
            NewAuditEntry::new(who, format!("{}-jobs", act.as_str()), "operation", id.to_string(), "added");
        audit::add(conn, &entry.jobs(words, None).reason(reason))?;
        Ok(id)
    };
    let id = visit.scheduler().act(add).await?;
    Ok(link("operation", &[("id", &id.to_string()), ("did", "added")]))
}
