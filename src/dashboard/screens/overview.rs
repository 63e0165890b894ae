//! The overview: what is wrong now, how much there is, what the last hour was like. It works while the database is away, with what this
//! process knows by itself.

use maud::{Markup, html};

use super::trouble::{self, Trouble};
use crate::dashboard::activity::LastHour;
use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::chart::{self, Hour};
use crate::dashboard::parts::notice::{empty, part};
use crate::dashboard::parts::number::{count, span};
use crate::dashboard::parts::text::{first_line, name};
use crate::dashboard::parts::time::only_age;
use crate::dashboard::visit::Visit;
use crate::lifecycle::JobState;
use crate::store::doctor::Part;
use crate::store::errors::ErrorGroup;
use crate::store::gauges::{Gauges, Measured};

/// The most frequent errors that are shown. The screen of errors has all.
const ERRORS: usize = 5;

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let gauges = visit.state.gauges().await;
    let troubles = troubles(visit).await;
    let hour = visit.state.hour().await;
    let errors = visit.state.errors().await;
    let body = html! {
        h1 { "Overview" }
        section aria-labelledby="now" {
            h2 #now { "What is wrong now" }
            (troubles)
        }
        section aria-labelledby="jobs" {
            h2 #jobs { "Jobs" }
            (gauges.as_deref().map_or_else(uncounted, |gauges| numbers(gauges, visit)))
        }
        section aria-labelledby="hour" {
            h2 #hour { "The last hour" }
            (part(hour, |hour| charts(&hour, visit)))
        }
        section aria-labelledby="errors" {
            h2 #errors { "Frequent errors" }
            (part(errors, |errors| frequent(&errors, visit)))
        }
    };
    Ok(Page::live("Overview", Place::Overview, body))
}

async fn troubles(visit: &Visit) -> Markup {
    let mut found: Vec<Trouble> =
        visit.scheduler().health().reasons.iter().map(|reason| Trouble::of("This process", reason)).collect();
    // A process that runs no jobs has nothing to say of itself, so it looks at those that do.
    if !visit.scheduler().runs_jobs()
        && let Ok(inspection) = visit.state.inspection().await
    {
        found.extend(inspection.probe.reasons.iter().map(|reason| Trouble::of("Workers", reason)));
    }
    let examined = visit.state.examined().await;
    let schedules = visit.state.schedule_problems().await;
    let pauses = visit.state.pauses().await;
    let mut left = Vec::new();
    if let Ok(known) = &examined {
        found.extend(known.findings.iter().map(Trouble::from));
        left.clone_from(&known.left);
    }
    if let Ok(schedules) = &schedules {
        found.extend(schedules.iter().map(Trouble::from));
    }
    if let Ok(pauses) = &pauses {
        found.extend(Trouble::of_pauses(pauses));
    }
    let unread = examined.map(drop).and(schedules.map(drop)).and(pauses.map(drop));
    match unread {
        Ok(()) => html! { (trouble::list(found)) (unexamined(&left)) },
        // Nothing is not the same as nothing known.
        Err(error) => html! {
            @if !found.is_empty() { (trouble::list(found)) }
            (part(Err::<(), _>(error), |()| html! {}))
        },
    }
}

// The next readings examine these.
fn unexamined(left: &[Part]) -> Markup {
    let words = |part: &Part| match part {
        Part::Moment => "sessions and jobs",
        Part::Server => "the settings of the server",
        Part::Definitions => "the definitions of the schema",
    };
    html! {
        @if !left.is_empty() {
            p.muted { "Not examined yet: " (left.iter().map(words).collect::<Vec<_>>().join(", ")) "." }
        }
    }
}

fn uncounted() -> Markup {
    empty("Jobs are not counted yet.", "The first count comes within some seconds after the start.")
}

fn numbers(gauges: &Gauges, visit: &Visit) -> Markup {
    let oldest = gauges.oldest_ready.iter().map(|gauge| gauge.seconds).reduce(f64::max);
    html! {
        dl.numbers {
            @for state in JobState::ALL { (number_of(gauges, state)) }
            div {
                dt { "oldest ready" }
                dd { (oldest.map_or_else(|| "–".to_owned(), span)) }
            }
            div {
                dt { a href="workers" { "workers" } }
                dd { (count(gauges.workers)) @if gauges.lost_workers > 0 { span.bad { " +" (gauges.lost_workers) " lost" } } }
            }
        }
        p.muted { "Counted " (only_age(gauges.sampled_at, visit.now)) "." }
    }
}

fn number_of(gauges: &Gauges, state: JobState) -> Markup {
    let estimated =
        gauges.jobs.iter().any(|gauge| gauge.state == state && gauge.measured == Measured::Estimated);
    html! {
        div class=[(state == JobState::Dead && gauges.jobs_in(state) > 0).then_some("bad")] {
            dt { a href=(link("jobs", &[("state", state.as_str())])) { (state.as_str()) } }
            dd title=[estimated.then_some("estimated by the planner of the database")] {
                @if estimated { "~" } (count(gauges.jobs_in(state)))
            }
        }
    }
}

fn charts(found: &LastHour, visit: &Visit) -> Markup {
    let hour = Hour::new(found, visit.now);
    html! {
        @if found.minutes.is_empty() {
            (empty("No attempt has ended in the last hour.", "Statistics are stored every ten seconds."))
        } @else {
            div.charts {
                (chart::throughput(&hour))
                (chart::durations("Wait: from due to start", &hour, |done| &done.wait))
                (chart::durations("Run: from start to end", &hour, |done| &done.run))
            }
            (chart::table(&hour))
        }
    }
}

fn frequent(errors: &[ErrorGroup], visit: &Visit) -> Markup {
    html! {
        @if errors.is_empty() {
            (empty("No attempt has failed in the last hour.", ""))
        } @else {
            ul.plain {
                @for group in errors.iter().take(ERRORS) {
                    li.clip {
                        span.number { (count(group.count())) " × " }
                        a href=(link("error", &[("fingerprint", &group.fingerprint)])) { (name(&group.task)) }
                        " " (first_line(&group.summary))
                        " " span.muted { (only_age(group.last_seen, visit.now)) }
                    }
                }
            }
            p { a href="errors" { "All errors" } }
        }
    }
}
