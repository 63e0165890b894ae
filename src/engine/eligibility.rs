//! Which jobs a claim may take: those of tasks that are neither paused nor at their limit, with or without flags, by
//! priority or by age. Pauses, limits and flags are looked up before a claim when they may have changed.

use std::time::{Duration, Instant};

use super::facts::{PauseChange, Settings};
use super::task_gates::{Gated, Pass, TaskGates};
use crate::job::operation::is_reserved;
use crate::leases::LeaseTable;
use crate::store::claim::TaskShare;
use crate::store::claimability::{Claimability, NewerJobs, Paused};

// One claim in four orders by age: enough to bring the oldest jobs on, and the cheap claim stays the rule.
const CLAIMS_PER_AGED_ONE: u32 = 4;
// A claim that finds few jobs and takes so long has read many of newer versions, where there are any ..
const LONG_SCAN: Duration = Duration::from_millis(5);
// .. and the next one comes after so many times that: what this process cannot run costs the server 5 % of one core at most.
const RESTS: u32 = 20;

/// What is known of the jobs that may be claimed.
#[derive(Debug, Default)]
pub(super) struct Eligibility {
    /// `None` until the first lookup.
    paused: Option<Paused>,
    newer: NewerJobs,
    /// The limits that tasks have over all processes.
    pub(super) gates: TaskGates,
    flagged: FlaggedJobs,
    /// The same of jobs that a claim passed over because their task was at its limit.
    flagged_at_limit: FlaggedJobs,
    knowledge: Knowledge,
    claims: u32,
}

/// Whether ready jobs with flags may exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FlaggedJobs {
    #[default]
    None,
    Some,
}

/// Whether pauses and flags may have changed since they were looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Knowledge {
    #[default]
    Current,
    Stale,
}

/// What a claim requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimFilter {
    pub(crate) tasks: Vec<TaskShare>,
    /// With `Some`, the flags that this process leaves alone are determined before the claim.
    pub(crate) flagged: FlaggedJobs,
    /// How long a job waits to count as one priority better, if this claim orders by age.
    pub(crate) age_every: Option<Duration>,
}

impl Eligibility {
    /// Returns `true` if a job of the task may start without a claim.
    pub(super) fn may_start(&self, task: &str, settings: &Settings) -> bool {
        !self.is_stale()
            && self.is_claimable(task)
            && !self.gates.is_limited(task)
            && !settings.task_limits.contains_key(task)
            && settings.tasks.binary_search_by(|known| known.as_str().cmp(task)).is_ok()
    }

    /// Returns `true` if a claim needs neither flags, nor ages, nor counts of jobs.
    pub(super) fn is_plain(&self, settings: &Settings) -> bool {
        !self.is_stale()
            && self.flagged == FlaggedJobs::None
            && settings.task_limits.is_empty()
            && settings.age_every.is_none()
    }

    pub(super) fn is_stale(&self) -> bool {
        self.knowledge == Knowledge::Stale
    }

    /// Pauses or flags may have changed: they are looked up before the next claim.
    pub(super) fn outdated(&mut self) {
        self.knowledge = Knowledge::Stale;
    }

    /// A lookup begins. What becomes outdated from now on is looked up again.
    pub(super) fn lookup_began(&mut self) {
        self.knowledge = Knowledge::Current;
    }

    /// Ends a lookup. Returns whether everything was paused or resumed since the last one.
    pub(super) fn looked_up(&mut self, found: Claimability) -> PauseChange {
        let was_paused = self.paused == Some(Paused::Everything);
        let is_paused = found.paused == Paused::Everything;
        self.paused = Some(found.paused);
        self.newer = found.newer;
        self.gates.looked_up(found.limited);
        if found.flagged_jobs {
            self.flagged = FlaggedJobs::Some;
        }
        match (was_paused, is_paused) {
            (false, true) => PauseChange::Paused,
            (true, false) => PauseChange::Resumed,
            (false, false) | (true, true) => PauseChange::None,
        }
    }

    /// Returns `true` unless everything is paused, or may be.
    pub(super) fn may_admit(&self) -> bool {
        matches!(self.paused, Some(Paused::Tasks(_)))
    }

    /// Returns how long no claim follows one that has found few jobs in this time, if it may have read past many of newer versions.
    pub(super) fn rest_after(&self, took: Duration) -> Option<Duration> {
        (self.newer == NewerJobs::Ahead && took >= LONG_SCAN).then(|| took * RESTS)
    }

    fn is_claimable(&self, task: &str) -> bool {
        matches!(&self.paused, Some(Paused::Tasks(paused)) if !paused.contains(task))
    }

    /// Ready jobs with flags may exist.
    pub(super) fn expect_flagged(&mut self) {
        self.flagged = FlaggedJobs::Some;
    }

    /// A job of a task with a limit has ended. Flagged jobs that were passed over may be claimed now.
    pub(super) fn limit_freed(&mut self) {
        if std::mem::take(&mut self.flagged_at_limit) == FlaggedJobs::Some {
            self.expect_flagged();
        }
    }

    /// Returns `true` if a claim would read a task without a limit over all processes.
    pub(super) fn any_without_gate(&self, settings: &Settings) -> bool {
        !self.gates.any()
            || self.claimable(settings).any(|task| {
                !self.gates.is_limited(task) && (self.flagged == FlaggedJobs::Some || !is_reserved(task))
            })
    }

    /// Returns what the next claim requests. Flagged jobs that are announced from now on are left to the claim after
    /// it.
    pub(super) fn take_filter(
        &mut self,
        settings: &Settings,
        leases: &LeaseTable,
        gated: Gated,
        now: Instant,
    ) -> ClaimFilter {
        self.claims = self.claims.wrapping_add(1);
        let by_age = self.claims.is_multiple_of(CLAIMS_PER_AGED_ONE);
        let mut tasks = self.shares(settings, leases);
        match gated {
            Gated::Included => tasks.retain_mut(|share| match self.gates.pass(&share.task, now) {
                Pass::NoLimit => true,
                Pass::Through(gate) => {
                    share.gate = Some(gate);
                    true
                }
                Pass::Closed => false,
            }),
            Gated::LeftOut => tasks.retain(|share| !self.gates.is_limited(&share.task)),
        }
        let flagged = std::mem::take(&mut self.flagged);
        if flagged == FlaggedJobs::Some && tasks.len() < self.claimable(settings).count() {
            self.flagged_at_limit = flagged;
        }
        // Mainspring's own jobs have a flag. Where no flag is looked for, their task would only make the claim dearer.
        if flagged == FlaggedJobs::None {
            tasks.retain(|share| !is_reserved(&share.task));
        }
        ClaimFilter { tasks, flagged, age_every: settings.age_every.filter(|_| by_age) }
    }

    fn claimable<'a>(&'a self, settings: &'a Settings) -> impl Iterator<Item = &'a String> {
        settings.tasks.iter().filter(|task| self.is_claimable(task))
    }

    fn shares(&self, settings: &Settings, leases: &LeaseTable) -> Vec<TaskShare> {
        let share = |task: &String| {
            let limit = settings.task_limits.get(task);
            let most = limit.map(|limit| limit.saturating_sub(leases.count_of(task)) as i64);
            TaskShare { task: task.clone(), version: settings.version_of(task), most, gate: None }
        };
        self.claimable(settings).map(share).filter(|share| share.most != Some(0)).collect()
    }
}
