//! The screens: what each reads, by the verbs that applications have too, and how it shows that. None reads a table of its own.

mod audit;
mod calendar;
mod error;
mod errors;
mod filter;
mod job;
mod jobs;
mod operation;
mod operations;
mod overview;
mod queue;
mod queues;
mod schedule;
mod schedules;
mod tasks;
mod ties;
mod trouble;
mod workers;
mod workflow;
mod workflows;

pub(super) use self::filter::Wanted;
use super::failure::Failure;
use super::page::Page;
use super::routes::Screen;
use super::visit::Visit;

/// Reads a screen, and shows it.
pub(super) async fn show(visit: &Visit, screen: Screen) -> Result<Page, Failure> {
    match screen {
        Screen::Overview => overview::show(visit).await,
        Screen::Jobs => jobs::show(visit).await,
        Screen::Job => job::show(visit).await,
        Screen::Tasks => tasks::show(visit).await,
        Screen::Queues => queues::show(visit).await,
        Screen::Queue => queue::show(visit).await,
        Screen::Schedules => schedules::show(visit).await,
        Screen::Schedule => schedule::show(visit).await,
        Screen::Calendar => calendar::show(visit).await,
        Screen::Errors => errors::show(visit).await,
        Screen::Error => error::show(visit).await,
        Screen::Workers => workers::show(visit).await,
        Screen::Audit => audit::show(visit).await,
        Screen::Operations => operations::show(visit).await,
        Screen::Operation => operation::show(visit).await,
        Screen::Workflows => workflows::show(visit).await,
        Screen::Workflow => workflow::show(visit).await,
    }
}
