//! What the engine wants done, and how that ended.

use super::admission::{AdmissionPlan, Passed};
use super::claim_plan::{ClaimPlan, Found};
use super::enqueue::{EnqueuePlan, EnqueueSlot};
use super::releases::ChildrenPlan;
use super::settle_plan::SettlePlan;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::leases::Lease;
use crate::store::claim::Carried;
use crate::store::claimability::Claimability;
use crate::store::enqueue::Added;
use crate::store::settle::{Isolated, Reclaimed};
use crate::store::waits::Released;

/// Something to do. Each step ends with the [`Done`] of the same name.
#[derive(Debug)]
pub(crate) enum Step {
    /// Stores jobs, and starts them here if the plan has a lease for it.
    Enqueue(EnqueuePlan),
    /// Stores outcomes.
    Settle(SettlePlan),
    /// Promotes scheduled jobs and admits parked ones.
    Admit(AdmissionPlan),
    /// Looks up pauses and flags.
    LookUp,
    /// Claims ready jobs and hands them to the workers.
    Claim(ClaimPlan),
    /// The same with jobs that have waited for others of this process.
    ClaimChildren(ChildrenPlan),
    /// Takes back the jobs of a claim whose reply was lost.
    Reclaim(i64),
    /// Compares the leases in memory with those in the database.
    Reconcile,
    /// Carries the endings of jobs over to those that wait for them.
    Release,
    /// Writes the progress that jobs have reported.
    WriteProgress,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Done {
    Enqueue {
        slot: EnqueueSlot,
        lease: Option<i64>,
        result: Result<Enqueued, StoreError>,
    },
    Settle {
        leases: Vec<Lease>,
        result: Result<Isolated, StoreError>,
    },
    Admit(Result<Passed, StoreError>),
    LookUp(Result<Claimability, StoreError>),
    /// The lease of the claim, and what it found.
    Claim(i64, Result<Found, StoreError>),
    /// The lease of the claim, and what was carried over.
    ClaimChildren(i64, Result<Carried, StoreError>),
    /// The lease, and which of its jobs were taken back.
    Reclaim(i64, Result<Reclaimed, StoreError>),
    /// Which jobs were given back whose outcomes the server had lost.
    Reconcile(Result<Reclaimed, StoreError>),
    Release(Result<Released, StoreError>),
    WriteProgress(Written),
}

/// What became of a batch of requests.
#[derive(Debug)]
pub(crate) enum Enqueued {
    /// The jobs wait. Each request has a result of its own.
    Waiting(Vec<Result<Vec<Added>, NotStored>>),
    /// All jobs are leased to this process and on their way to its workers: the ids by request.
    Started(Vec<Vec<i64>>),
}

/// Why the jobs of a request were not stored.
#[derive(Debug)]
pub(crate) enum NotStored {
    Refused(StoreError),
    /// Another transaction holds one of the keys of these jobs.
    KeyHeld(Vec<NewJob>),
}

/// Whether there was any progress to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Nothing,
    Reports,
}
