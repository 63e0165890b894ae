//! Those who wait until no job is ready, and what they receive. The engine decides when that is so.

use actix::Message;
use tokio::sync::oneshot;

use crate::engine::{Engine, RunEnd};
use crate::error::SchedulerError;
use crate::run_summary::RunSummary;

/// Looks for jobs everywhere, and returns once this process can run none of them now: how attempts have ended. Sent by
/// `run_once`. If it is lost, the request fails and may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Result<RunSummary, SchedulerError>")]
pub(crate) enum RunOnce {
    /// Counts the attempts that end from now on.
    FromNow,
    /// Counts the attempts that have ended since the scheduler started.
    FromStart,
    /// Runs jobs of this task or of all until so many attempts have ended, and counts those. Sent by the test kit.
    #[cfg(feature = "testing")]
    Some { task: Option<&'static str>, most: u64 },
}

impl RunOnce {
    /// Lets the engine run jobs until it ends the run.
    pub(super) fn begin<R>(self, engine: &mut Engine<R>) {
        match self {
            #[cfg(feature = "testing")]
            Self::Some { task, most } => engine.run_some(task, most),
            #[cfg(feature = "testing")]
            Self::FromNow | Self::FromStart => engine.run_some(None, u64::MAX),
            #[cfg(not(feature = "testing"))]
            Self::FromNow | Self::FromStart => engine.run_once(),
        }
    }
}

/// The callers that wait.
#[derive(Default)]
pub(super) struct Waiting(Vec<Caller>);

struct Caller {
    /// What had ended before.
    before: RunSummary,
    reply: oneshot::Sender<Result<RunSummary, SchedulerError>>,
}

impl Waiting {
    /// Adds a caller. Returns where its reply comes from.
    pub(super) fn add(
        &mut self,
        message: RunOnce,
        so_far: RunSummary,
    ) -> oneshot::Receiver<Result<RunSummary, SchedulerError>> {
        let (reply, ended) = oneshot::channel();
        let before = match message {
            RunOnce::FromNow => so_far,
            RunOnce::FromStart => RunSummary::default(),
            #[cfg(feature = "testing")]
            RunOnce::Some { .. } => so_far,
        };
        self.0.push(Caller { before, reply });
        ended
    }

    /// Replies to all callers.
    pub(super) fn reply(&mut self, end: &RunEnd, so_far: RunSummary) {
        for Caller { before, reply } in self.0.drain(..) {
            // A caller that no longer waits has dropped its future.
            let _ = reply.send(match end {
                RunEnd::NoneReady => Ok(so_far.since(before)),
                RunEnd::Stopped => Err(SchedulerError::Stopped),
                RunEnd::Failed(error) => Err(error.clone().into()),
            });
        }
    }
}
