//! What a viewer does. A right is checked before, in one place for all. What is done is logged, and the address of the next page says
//! it. What cannot be done is refused with the reason.

mod ask;
mod jobs;
mod queues;
mod schedules;

use super::failure::Failure;
use super::page::Page;
use super::routes::Deed;
use super::visit::Visit;
use crate::text::one_line;

/// Shows the page that asks before the deed, or for its values.
pub(super) async fn ask(visit: &Visit, deed: Deed) -> Result<Page, Failure> {
    ask::show(visit, deed).await
}

/// Performs the deed, and returns where to look next.
pub(super) async fn perform(visit: &Visit, deed: Deed, form: &str) -> Result<String, Failure> {
    let next = match deed {
        Deed::RetryJob => jobs::retry(visit).await,
        Deed::CancelJob => jobs::cancel(visit, form).await,
        Deed::RescheduleJob => jobs::reschedule(visit, form).await,
        Deed::DeleteJob => jobs::delete(visit).await,
        Deed::PauseQueue => queues::pause(visit).await,
        Deed::ResumeQueue => queues::resume(visit).await,
        Deed::PauseSchedule => schedules::pause(visit).await,
        Deed::ResumeSchedule => schedules::resume(visit).await,
        Deed::TriggerSchedule => schedules::trigger(visit).await,
    };
    let done = next.as_ref().map_or("not done", |_| "done");
    log::info!(target: "mainspring::dashboard", "{} is {done}: {}", deed.path(), one_line(visit.request.query_string()));
    next
}
