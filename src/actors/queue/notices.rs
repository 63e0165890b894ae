//! What the engine has to say: replies to senders, events, and log lines.

use super::perform::Reply;
use crate::engine::{Notice, PauseChange};
use crate::events::EventBus;

pub(super) fn publish(notice: Notice<Reply>, events: &EventBus) {
    match notice {
        // A sender that no longer waits has its jobs all the same.
        Notice::Reply(reply, ids) => drop(reply.send(ids)),
        Notice::AttemptEnded { ended, outcome, left } => events.publish_outcome(ended, &outcome, left),
        notice => log_notice(notice),
    }
}

fn log_notice(notice: Notice<Reply>) {
    match notice {
        Notice::Reply(..) | Notice::AttemptEnded { .. } => {}
        Notice::LeaseLost { id, outcome } => log::warn!(
            "job {id} ended as {outcome} after its lease was lost: nothing stored, the job belongs to another worker"
        ),
        Notice::AllPaused(PauseChange::None) => {}
        Notice::AllPaused(PauseChange::Paused) => {
            log::warn!(
                "everything is paused: nothing is claimed, admitted or fired until `mainspring resume --all`"
            );
        }
        Notice::AllPaused(PauseChange::Resumed) => log::info!("the pause of everything is over"),
        Notice::ClaimsFail(error) => log::error!("cannot claim jobs, trying again: {error}"),
        Notice::ClaimsRecovered => log::info!("claiming jobs again"),
        Notice::AdmissionsFail(error) => {
            log::error!("cannot look for jobs that are due, trying again: {error}");
        }
        Notice::SettlesFail { jobs, error } => {
            log::error!("cannot store the outcomes of {jobs} jobs, trying again: {error}");
        }
        Notice::SettlesRecovered => log::info!("storing the outcomes of jobs again"),
        Notice::RowsHeld { jobs, example } => log::warn!(
            "another transaction holds the rows of {jobs} jobs that have ended, such as job {example}: their outcomes \
             are stored when it ends"
        ),
        Notice::HeldRowsFreed => log::info!("the outcomes of all jobs are stored again"),
        Notice::OutcomesLost { jobs } => {
            log::warn!("the server lost the outcomes of {jobs} jobs, as after a crash: they run again");
        }
        Notice::Retried(what, error) => log::debug!("cannot {what}, trying again: {error}"),
    }
}
