//! Which jobs a claim asks for: the tasks that are neither paused nor at their limit here, with or without flags, in order of
//! priority or of age. What is paused and flagged is looked up before a claim when something may have changed, and not for each.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::actors::Shared;
use crate::actors::panics::CatchPanic;
use crate::flags::ForbiddenFlags;
use crate::store::claim::{Filtered, TaskShare};
use crate::store::claimability::Claimability;

// An answer that takes longer would hold up every claim.
const PATIENCE_FOR_FLAGS: Duration = Duration::from_secs(5);
// A share of the claims that is enough to bring the oldest on, and few enough that the cheap claim stays the rule.
const CLAIMS_BETWEEN_AGED: u32 = 4;

/// What is known of the jobs that may be claimed.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice {
    paused: BTreeSet<String>,
    /// Whether ready jobs with flags may be there.
    pub(super) flagged: bool,
    /// Whether pauses or flags may be others than is known here.
    pub(super) look: bool,
    claims: u32,
}

/// What to ask for.
pub(super) struct Asked {
    pub(super) tasks: Vec<TaskShare>,
    pub(super) filtered: Option<Filtered>,
}

impl Choice {
    /// Whether a job of the task may start without a claim.
    pub(super) fn may_start(&self, task: &str, shared: &Shared) -> bool {
        !self.look
            && !self.paused.contains(task)
            && !shared.config.task_limits.contains_key(task)
            && shared.registry.get(task).is_some()
    }

    /// Whether a claim needs to know nothing but its tasks.
    pub(super) fn is_plain(&self) -> bool {
        !self.look && !self.flagged
    }

    /// Another claim is made, of what is known up to now; what is announced meanwhile is for the next.
    pub(super) fn take(&mut self) -> Self {
        self.claims = self.claims.wrapping_add(1);
        let taken = self.clone();
        self.flagged = false;
        taken
    }

    /// It was looked up.
    pub(super) fn learn(&mut self, found: Claimability) {
        self.paused = found.paused_tasks;
        self.flagged |= found.flagged_jobs;
    }

    pub(super) async fn ask(self, shared: &Arc<Shared>) -> Asked {
        let age_every = shared.config.age_every.filter(|_| self.claims.is_multiple_of(CLAIMS_BETWEEN_AGED));
        let filtered = match (self.flagged, age_every) {
            (false, None) => None,
            (false, _) => Some(Filtered { forbidden: Vec::new(), age_every, flagged: false }),
            (true, _) => forbidden(&shared.config.forbidden_flags).await.map(|forbidden| Filtered {
                forbidden,
                age_every,
                flagged: true,
            }),
        };
        Asked { tasks: self.shares(shared), filtered }
    }

    fn shares(&self, shared: &Shared) -> Vec<TaskShare> {
        let tasks = shared.registry.tasks().into_iter().filter(|task| !self.paused.contains(task));
        let share = |task: String| {
            let limit = shared.config.task_limits.get(&task);
            let most = limit.map(|limit| limit.saturating_sub(shared.leases.count_of(&task)) as i64);
            TaskShare { task, most }
        };
        tasks.map(share).filter(|share| share.most != Some(0)).collect()
    }
}

// `None` when no answer came: then no job with flags is claimed.
async fn forbidden(flags: &ForbiddenFlags) -> Option<Vec<String>> {
    let asked = match flags {
        ForbiddenFlags::These(flags) => return Some(flags.clone()),
        ForbiddenFlags::Asked(function) => super::super::panics::caught(|| function()),
    };
    let answered = match asked {
        Ok(answer) => tokio::time::timeout(PATIENCE_FOR_FLAGS, CatchPanic(answer)).await,
        Err(panic) => Ok(Err(panic)),
    };
    let problem = match answered {
        Ok(Ok(flags)) => return Some(flags),
        Ok(Err(panic)) => panic,
        Err(_) => "gave no answer in 5 s".to_owned(),
    };
    log::error!("the function that says which flags to leave alone {problem}: jobs with flags wait");
    None
}
