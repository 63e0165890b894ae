//! The tasks: what each did in the last hour, how many of its jobs there are, and how many workers know it.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::dashboard::activity::{Activity, HourOfTask, LastHour};
use crate::dashboard::failure::Failure;
use crate::dashboard::links;
use crate::dashboard::page::{Page, Place};
use crate::dashboard::parts::notice::{empty, part};
use crate::dashboard::parts::number::{capped, count, quantile};
use crate::dashboard::parts::sparkline::sparkline;
use crate::dashboard::parts::text::{dash, name, name_or_dash};
use crate::dashboard::visit::Visit;
use crate::histogram::Histogram;
use crate::lifecycle::JobState;
use crate::store::gauges::Gauges;
use crate::store::status::DETAIL_COUNT_CAP;
use crate::store::tasks::PublishedTask;

pub(super) async fn show(visit: &Visit) -> Result<Page, Failure> {
    let scheduler = visit.scheduler();
    let tasks = scheduler.tasks().list().await?;
    let paused = scheduler.queues().paused_tasks().await?;
    let gauges = visit.state.gauges().await;
    let body = html! {
        h1 { "Tasks" }
        @if tasks.is_empty() {
            (empty("No worker has published a task.", "A scheduler publishes the tasks of its handlers when it starts."))
        } @else {
            (part(visit.state.hour().await, |hour| table(&tasks, &paused, &hour, gauges.as_deref(), visit.now)))
        }
    };
    Ok(Page::live("Tasks", Place::Tasks, body))
}

fn table(
    tasks: &[PublishedTask],
    paused: &[String],
    hour: &LastHour,
    gauges: Option<&Gauges>,
    now: DateTime<Utc>,
) -> Markup {
    html! {
        p.muted { "Counts, waits and runs are of the last hour." }
        div.scroll tabindex="0" role="region" aria-label="Tasks" {
            table {
                thead { tr {
                    th scope="col" { "Task" }
                    th.number scope="col" { "Workers" }
                    th.number scope="col" { "Ready" }
                    th.number.wide scope="col" { "Running" }
                    th.number scope="col" { "Dead" }
                    th.wide scope="col" { "Last hour" }
                    th.number scope="col" { "Succeeded" }
                    th.number scope="col" { "Failed" }
                    th.number.wide scope="col" { "Wait p50" } th.number.wide scope="col" { "Wait p99" }
                    th.number.wide scope="col" { "Run p50" } th.number.wide scope="col" { "Run p99" }
                    th.wide scope="col" { "Queue" }
                } }
                tbody {
                    @for task in tasks {
                        (line(task, paused, hour.tasks.get(&task.name), gauges, now))
                    }
                }
            }
        }
    }
}

fn line(
    task: &PublishedTask,
    paused: &[String],
    hour: Option<&HourOfTask>,
    gauges: Option<&Gauges>,
    now: DateTime<Utc>,
) -> Markup {
    let done = hour.map(|hour| &hour.whole);
    let of = |state: JobState| gauges.map(|gauges| jobs_of(gauges, state, &task.name));
    let number = |number: Option<i64>| number.map_or_else(dash, |number| html! { (count(number)) });
    let share = |of: fn(&Activity) -> &Histogram, share: f64| {
        let found = done.and_then(|done| quantile(of(done), share));
        html! { td.number.wide { (found.map_or_else(dash, |found| html! { (found) })) } }
    };
    html! {
        tr {
            td.clip {
                a href=(links::jobs_of_task(&task.name)) { (name(&task.name)) }
                @if paused.contains(&task.name) { " " span.tag { "paused" } }
            }
            td.number { @if task.workers == 0 { span.bad { "0" } } @else { (count(task.workers)) } }
            td.number { (capped(task.ready, DETAIL_COUNT_CAP)) }
            td.number.wide { (number(of(JobState::Running))) }
            td.number { (number(of(JobState::Dead))) }
            td.wide { @if let Some(hour) = hour { (sparkline(&hour.minutes, now)) } }
            td.number { (count(done.map_or(0, |done| done.counts.succeeded))) }
            td.number { (count(done.map_or(0, |done| done.counts.failed + done.counts.dead))) }
            (share(|done| &done.wait, 0.5)) (share(|done| &done.wait, 0.99))
            (share(|done| &done.run, 0.5)) (share(|done| &done.run, 0.99))
            td.clip.wide { (name_or_dash(task.queue.as_deref())) }
        }
    }
}

fn jobs_of(gauges: &Gauges, state: JobState, task: &str) -> i64 {
    let found = gauges.jobs.iter().filter(|gauge| gauge.state == state && gauge.task == task);
    found.map(|gauge| gauge.jobs).sum()
}
