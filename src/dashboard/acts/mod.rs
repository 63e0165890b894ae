//! What a viewer does. A right is checked before, in one place for all. What is done is logged, and the address of the next page says
//! it. What cannot be done is refused with the reason.

pub(super) mod add;
mod ask;
mod ask_job;
mod ask_schedule;
mod ask_workflow;
mod fields;
mod job_form;
pub(super) mod jobs;
pub(super) mod many;
pub(super) mod marks;
pub(super) mod operations;
pub(super) mod queues;
mod schedule_form;
pub(super) mod schedules;
pub(super) mod signals;
pub(super) mod workflows;

use actix_web::http::StatusCode;

use self::operations::Change;
use super::failure::Failure;
use super::page::Page;
use super::routes::Deed;
use super::visit::Visit;
use crate::text::one_line;

/// What follows a form.
pub(super) enum Next {
    /// It is done, and the page of this address shows it.
    See(String),
    /// Nothing is done. The form is shown again, with a preview or with what is wrong.
    Again(Box<Page>, StatusCode),
}

/// Shows the page that asks before the deed, or for its values.
pub(super) async fn ask(visit: &Visit, deed: Deed) -> Result<Page, Failure> {
    match deed {
        Deed::AddJob => add::ask(visit).await,
        Deed::CreateSchedule => schedules::ask_new(visit).await,
        Deed::UpdateSchedule => schedules::ask_changes(visit).await,
        Deed::DeleteSchedule => schedules::ask_deletion(visit).await,
        Deed::ActOnMany => many::show(visit).await,
        Deed::CancelWorkflow => ask_workflow::cancellation(visit).await,
        Deed::SendSignal => ask_workflow::signal(visit),
        of_job => ask::show(visit, of_job).await,
    }
}

/// Performs the deed, and returns what follows.
pub(super) async fn perform(visit: &Visit, deed: Deed, form: &str) -> Result<Next, Failure> {
    let next = match deed {
        Deed::AddJob => return add::perform(visit, form).await,
        Deed::RetryJob => jobs::retry(visit).await,
        Deed::CancelJob => jobs::cancel(visit, form).await,
        Deed::RescheduleJob => jobs::reschedule(visit, form).await,
        Deed::ReleaseJob => jobs::release(visit).await,
        Deed::ClearSteps => jobs::clear_steps(visit).await,
        Deed::DeleteJob => jobs::delete(visit).await,
        Deed::PauseQueue => queues::pause(visit).await,
        Deed::ResumeQueue => queues::resume(visit).await,
        Deed::PauseSchedule => schedules::pause(visit).await,
        Deed::ResumeSchedule => schedules::resume(visit).await,
        Deed::TriggerSchedule => schedules::trigger(visit).await,
        Deed::DeleteSchedule => schedules::delete(visit).await,
        Deed::CreateSchedule => return schedules::create(visit, form).await,
        Deed::UpdateSchedule => return schedules::update(visit, form).await,
        Deed::ActOnMany => many::add(visit, form).await,
        Deed::PauseOperation => operations::act(visit, Change::Pause).await,
        Deed::ResumeOperation => operations::act(visit, Change::Resume).await,
        Deed::StopOperation => operations::act(visit, Change::Stop).await,
        Deed::RetryWorkflow => workflows::retry(visit).await,
        Deed::CancelWorkflow => workflows::cancel(visit, form).await,
        Deed::SendSignal => signals::send(visit, form).await,
    };
    log_deed(deed, visit.request.query_string(), next.as_ref().map_or("not done", |_| "done"));
    next.map(Next::See)
}

/// Logs an act, whether it was done or not.
pub(super) fn log_deed(deed: Deed, of: &str, done: &str) {
    log::info!(target: "mainspring::dashboard", "{} is {done}: {}", deed.path(), one_line(of));
}
