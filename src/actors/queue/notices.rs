//! The log lines about what the engine notices.

use super::perform::Reply;
use crate::engine::{Notice, PauseChange, RowNotice};
use crate::leases::Sent;
use crate::lifecycle::Outcome;
use crate::text::one_line;

pub(super) fn log_notice(notice: Notice<Reply>) {
    match notice {
        Notice::Reply(..) | Notice::AttemptEnded { .. } => {}
        Notice::LeaseLost { id, outcome, sent } => log_lost(id, &outcome, sent),
        Notice::AllPaused(PauseChange::None) => {}
        Notice::AllPaused(PauseChange::Paused) => {
            log::warn!(
                "everything is paused: nothing is claimed, admitted or fired until `mainspring resume --all`"
            );
        }
        Notice::AllPaused(PauseChange::Resumed) => log::info!("the pause of everything is over"),
        Notice::ClaimsFail(error) => log::error!("cannot claim jobs, trying again: {}", one_line(error)),
        Notice::ClaimsRecovered => log::info!("claiming jobs again"),
        Notice::AdmissionsFail(error) => {
            log::error!("cannot look for jobs that are due, trying again: {}", one_line(error));
        }
        Notice::ReleasesFail(error) => {
            log::error!("cannot release jobs that wait for others, trying again: {}", one_line(error));
        }
        Notice::SettlesFail { jobs, error } => {
            log::error!("cannot store the outcomes of {jobs} jobs, trying again: {}", one_line(error));
        }
        Notice::SettlesRecovered => log::info!("storing the outcomes of jobs again"),
        Notice::RowsHeld { jobs, example } => log::warn!(
            "another transaction holds the rows of {jobs} jobs that have ended, such as job {example}: their outcomes \
             are stored when it ends"
        ),
        Notice::HeldRowsFreed => log::info!("the outcomes of all jobs are stored again"),
        Notice::Row(notice) => log_row(notice),
        Notice::OutcomesLost { jobs } => {
            log::warn!("the server lost the outcomes of {jobs} jobs, as after a crash: they run again");
        }
        Notice::Retried(what, error) => log::debug!("cannot {what}, trying again: {}", one_line(error)),
    }
}

fn log_lost(id: i64, outcome: &Outcome, sent: Sent) {
    let (outcome, reason) = (outcome.as_str(), outcome.reason().map(|why| format!(": {why}")));
    let reason = reason.unwrap_or_default();
    match sent {
        Sent::Never | Sent::Once => log::warn!(
            "job {id} ended as {outcome} after its lease was lost: nothing stored, the job belongs to another worker{}",
            one_line(reason)
        ),
        Sent::Again => log::warn!(
            "job {id} ended as {outcome}, and the server's reply was lost: that is stored, or the job belongs to another \
             worker{}",
            one_line(reason)
        ),
    }
}

fn log_row(notice: RowNotice) {
    match notice {
        RowNotice::OutcomeStuck { id, outcome, problem } => log::error!(
            "cannot store that job {id} ended as {outcome}, trying it again by itself: {}",
            one_line(problem)
        ),
        RowNotice::OutcomeUnstuck { id, outcome } => {
            log::info!("it is stored now that job {id} ended as {outcome}")
        }
        RowNotice::SetApart { id, problem } => {
            log::error!(
                "job {id} is set apart, and dead: the database refuses its row: {}",
                one_line(problem)
            );
        }
        RowNotice::LinesLost { example, problem } => log::error!(
            "jobs end without their lines in the history, such as job {example}: {}",
            one_line(problem)
        ),
        RowNotice::LinesRecovered => log::info!("jobs have their lines in the history again"),
        RowNotice::NotTakenBack { jobs, example, problem } => log::error!(
            "{jobs} jobs of this worker cannot be taken back, such as job {example}, trying again: {}",
            one_line(problem)
        ),
    }
}
