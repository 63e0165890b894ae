//! What a viewer may do: the right that each deed needs, and its path.

use super::access::Right;

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    AddJob,
    RetryJob,
    CancelJob,
    RescheduleJob,
    ReleaseJob,
    ClearSteps,
    DeleteJob,
    PauseQueue,
    ResumeQueue,
    PauseSchedule,
    ResumeSchedule,
    TriggerSchedule,
    CreateSchedule,
    UpdateSchedule,
    DeleteSchedule,
    ActOnMany,
    PauseOperation,
    ResumeOperation,
    StopOperation,
    RetryWorkflow,
    CancelWorkflow,
    SendSignal,
}

impl Deed {
    /// The right that it needs.
    pub(super) const fn right(self) -> Right {
        match self {
            Self::AddJob => Right::AddJobs,
            Self::RetryJob | Self::RetryWorkflow => Right::RetryJobs,
            Self::CancelJob | Self::CancelWorkflow => Right::CancelJobs,
            Self::RescheduleJob => Right::RescheduleJobs,
            Self::ReleaseJob => Right::ReleaseJobs,
            Self::ClearSteps => Right::ClearSteps,
            Self::SendSignal => Right::SendSignals,
            Self::DeleteJob => Right::DeleteJobs,
            Self::PauseQueue | Self::ResumeQueue => Right::PauseQueues,
            Self::PauseSchedule | Self::ResumeSchedule => Right::PauseSchedules,
            Self::TriggerSchedule => Right::TriggerSchedules,
            Self::CreateSchedule | Self::UpdateSchedule | Self::DeleteSchedule => Right::EditSchedules,
            Self::ActOnMany | Self::PauseOperation | Self::ResumeOperation | Self::StopOperation => {
                Right::ActOnMany
            }
        }
    }

    /// Its path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::AddJob => "add-job",
            Self::RetryJob => "retry-job",
            Self::CancelJob => "cancel-job",
            Self::RescheduleJob => "reschedule-job",
            Self::ReleaseJob => "release-job",
            Self::ClearSteps => "clear-steps",
            Self::DeleteJob => "delete-job",
            Self::PauseQueue => "pause-queue",
            Self::ResumeQueue => "resume-queue",
            Self::PauseSchedule => "pause-schedule",
            Self::ResumeSchedule => "resume-schedule",
            Self::TriggerSchedule => "trigger-schedule",
            Self::CreateSchedule => "create-schedule",
            Self::UpdateSchedule => "update-schedule",
            Self::DeleteSchedule => "delete-schedule",
            Self::ActOnMany => "act-on-many",
            Self::PauseOperation => "pause-operation",
            Self::ResumeOperation => "resume-operation",
            Self::StopOperation => "stop-operation",
            Self::RetryWorkflow => "retry-workflow",
            Self::CancelWorkflow => "cancel-workflow",
            Self::SendSignal => "send-signal",
        }
    }
}
