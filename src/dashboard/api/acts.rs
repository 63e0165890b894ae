//! What the API does. A body is JSON, and one with a field that is not known is refused.

use serde_json::json;

use super::value::{Named, json, log_on, read};
use super::{jobs, many, schedules, workflows};
use crate::dashboard::acts::operations::Change;
use crate::dashboard::acts::queues;
use crate::dashboard::failure::Failure;
use crate::dashboard::routes::Deed;
use crate::dashboard::visit::Visit;

pub(in crate::dashboard) async fn perform(visit: &Visit, deed: Deed, body: &[u8]) -> Result<String, Failure> {
    match deed {
        Deed::AddJob => jobs::add(visit, read(body)?).await,
        Deed::RetryJob => jobs::retry(visit, read(body)?).await,
        Deed::CancelJob => jobs::cancel(visit, read(body)?).await,
        Deed::RescheduleJob => jobs::reschedule(visit, read(body)?).await,
        Deed::ReleaseJob => jobs::release(visit, read(body)?).await,
        Deed::ClearSteps => jobs::clear_steps(visit, read(body)?).await,
        Deed::DeleteJob => jobs::delete(visit, read(body)?).await,
        Deed::PauseQueue | Deed::ResumeQueue => queue(visit, deed, read(body)?).await,
        Deed::PauseSchedule | Deed::ResumeSchedule => schedules::set_paused(visit, deed, read(body)?).await,
        Deed::TriggerSchedule => schedules::trigger(visit, read(body)?).await,
        Deed::CreateSchedule => schedules::create(visit, read(body)?).await,
        Deed::UpdateSchedule => schedules::update(visit, read(body)?).await,
        Deed::DeleteSchedule => schedules::delete(visit, read(body)?).await,
        Deed::ActOnMany => many::begin(visit, read(body)?).await,
        Deed::PauseOperation => many::change(visit, Change::Pause, read(body)?).await,
        Deed::ResumeOperation => many::change(visit, Change::Resume, read(body)?).await,
        Deed::StopOperation => many::change(visit, Change::Stop, read(body)?).await,
        Deed::RetryWorkflow => workflows::retry(visit, read(body)?).await,
        Deed::CancelWorkflow => workflows::cancel(visit, read(body)?).await,
        Deed::SendSignal => workflows::send_signal(visit, read(body)?).await,
    }
}

async fn queue(visit: &Visit, deed: Deed, Named { name }: Named) -> Result<String, Failure> {
    let changed = queues::change(visit, deed, &name).await?;
    log_on(deed, &format!("name={name}"), changed);
    json(&json!({"name": name, "changed": changed}))
}
