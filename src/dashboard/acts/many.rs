//! Acts on all jobs that meet conditions: which there are, the question before one, and how it is added.

use chrono::{DateTime, SecondsFormat, Utc};
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
use crate::store::Session;
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

fn asked(visit: &Visit) -> Result<(ManyAct, Wanted, JobFilter), Failure> {
    let Of { act } = visit.query()?;
    let (act, wanted): (ManyAct, Wanted) = (act_named(&act)?, visit.query()?);
    let filter = checked(visit, act, wanted.conditions()?)?;
    Ok((act, wanted, filter))
}

/// The jobs that an act is about. The right to act on many permits each act only together with the right of that act.
pub(in crate::dashboard) fn checked(
    visit: &Visit,
    act: ManyAct,
    mut filter: JobFilter,
) -> Result<JobFilter, Failure> {
    permit(visit, act)?;
    refuse_finished(&filter)?;
    if filter.state == StateFilter::Stored {
        filter.state = match act {
            ManyAct::Retry => JobStatus::Dead.into(),
            ManyAct::Release => JobStatus::Waiting.into(),
            ManyAct::Reschedule | ManyAct::Fail | ManyAct::Cancel | ManyAct::Delete => StateFilter::Stored,
        };
    }
    Ok(filter)
}

/// Refuses conditions that finished jobs meet.
pub(in crate::dashboard) fn refuse_finished(filter: &JobFilter) -> Result<(), Failure> {
    match filter.state {
        StateFilter::Is(JobStatus::Succeeded | JobStatus::Cancelled) | StateFilter::All => {
            Err(Failure::Invalid("Finished jobs cannot be changed.".to_owned()))
        }
        StateFilter::Stored | StateFilter::Is(_) => Ok(()),
    }
}

/// Refuses a viewer who may not do this to a single job.
pub(super) fn permit(visit: &Visit, act: ManyAct) -> Result<(), Failure> {
    if visit.may(act.right()) { Ok(()) } else { Err(Failure::NoRight(act.right())) }
}

/// The conditions in words, for a question and for the audit log.
fn words(filter: &JobFilter) -> String {
    let state = match filter.state {
        StateFilter::Stored => "any that is stored".to_owned(),
        other => other.to_string(),
    };
    let worker = filter.worker_id.map(|id| id.to_string());
    let at = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let (since, until) = (at(filter.changed_since), at(filter.changed_until));
    let fields = [
        ("task", &filter.task),
        ("queue", &filter.queue),
        ("queue like", &filter.queue_like),
        ("key", &filter.key),
        ("flag", &filter.flag),
        ("worker", &worker),
        ("last error has", &filter.error),
        ("changed since", &since),
        ("changed before", &until),
    ];
    let fields =
        fields.into_iter().filter_map(|(label, text)| Some(format!(", {label} `{}`", text.as_ref()?)));
    format!("state {state}{}", fields.collect::<String>())
}

/// The question: which jobs, how many, and what is to be done.
pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let (act, wanted, filter) = asked(visit)?;
    let found = visit.scheduler().jobs().estimate(filter.clone()).await?;
    let gauges = visit.state.gauges().await;
    let fields = match act {
        ManyAct::Retry | ManyAct::Release | ManyAct::Delete => html! {},
        ManyAct::Fail | ManyAct::Cancel => html! {
            label { "Reason" input type="text" name="reason" maxlength="500" autocomplete="off"; }
        },
        ManyAct::Reschedule => super::ask::fields_of_changes(),
    };
    let body = html! {
        h1 { (act.label()) "?" }
        p { "Jobs with " strong { (name(&words(&filter))) } "." }
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

/// How many jobs the gauges know. They know states, and the tasks of a state.
pub(in crate::dashboard) fn expected(filter: &JobFilter, gauges: Option<&Gauges>) -> Option<i64> {
    let other = filter.queue.is_some()
        || filter.queue_like.is_some()
        || filter.key.is_some()
        || filter.flag.is_some()
        || filter.error.is_some()
        || filter.worker_id.is_some()
        || filter.changed_since.is_some()
        || filter.changed_until.is_some();
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
    let (act, _, filter) = asked(visit)?;
    let Reason { reason } = read(form)?;
    let why = (!reason.is_empty()).then_some(reason);
    let performed = match act {
        ManyAct::Retry => Act::Retry(None),
        ManyAct::Reschedule => Act::Reschedule(read::<Changes>(form)?.read(visit.now)?),
        ManyAct::Fail => Act::Fail(why),
        ManyAct::Cancel => Act::Cancel(why),
        ManyAct::Delete => Act::Delete,
        ManyAct::Release => Act::Release,
    };
    let id = begin(visit, act, performed, filter).await?;
    Ok(link("operation", &[("id", &id.to_string()), ("did", "added")]))
}

/// Adds an operation about jobs that were checked, with its line in the audit log, and returns its id.
pub(in crate::dashboard) async fn begin(
    visit: &Visit,
    act: ManyAct,
    performed: Act,
    filter: JobFilter,
) -> Result<i64, Failure> {
    let (who, words) = (visit.who.to_string(), words(&filter));
    let reason = performed.reason().unwrap_or_default().to_owned();
    let new =
        NewOperation { who: who.clone(), act: performed, filter, words: words.clone(), delay: act.delay() };
    let add = move |conn: &mut Session<'_>| {
        let id = operations::add(conn, &new)?;
        let entry =
            NewAuditEntry::new(who, format!("{}-jobs", act.as_str()), "operation", id.to_string(), "added");
        audit::add(conn, &entry.jobs(words, None).reason(reason))?;
        Ok(id)
    };
    Ok(visit.scheduler().act(add).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_filter_have_each_condition() {
        let mut filter = JobFilter::new();
        assert_eq!(words(&filter), "state any that is stored");
        filter.state = JobStatus::Dead.into();
        (filter.task, filter.worker_id) = (Some("a".into()), Some(7));
        filter.changed_since = DateTime::from_timestamp(1_796_000_000, 0);
        let expected = "state dead, task `a`, worker `7`, changed since `2026-11-30T00:53:20Z`";
        assert_eq!(words(&filter), expected);
    }
}
