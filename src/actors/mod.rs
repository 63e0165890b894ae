//! The actors: who talks to whom. Each is thin. The [engine](crate::engine) decides, the actors act.
//!
//! ```text
//!  root thread ──Died, StopAll──▶ SupervisorActor ──starts, restarts, drains──▶ all others
//!
//!  application ──Enqueue, Remove──▶ QueueActor ──TakeJobs──▶ WorkerActor (one a thread)
//!                                      ▲  ▲ └──statements──▶ PostgreSQL    │
//!                                      │  └──────────Settle───────────────┘
//!              CronActor ────Wake──────┤
//!          ListenerActor ────Wake──────┤ and SchedulesChanged to the CronActor
//!            KeeperActor ──Claims, ────┘ and LockAgain to the ListenerActor
//!                          Wake
//! ```
//!
//! | message | from | to |
//! |---|---|---|
//! | `Enqueue`, `EnqueueMany`, `Remove` | the application, jobs | QueueActor |
//! | `Wake` | listener, cron, keeper, handles | QueueActor |
//! | `TakeJobs` | the thread that claimed | WorkerActor |
//! | `Perform` | an attempt | the WorkerActor of its thread |
//! | `Settle` | WorkerActor | QueueActor |
//! | `ProgressPosted` | a job | QueueActor |
//! | `Claims`, `LeasesLost` | keeper | QueueActor |
//! | `Reconcile` | keeper, listener | QueueActor |
//! //! | `LockAgain` | keeper | ListenerActor |
//! | `SchedulesChanged` | listener | CronActor |
//! | `Drain` | supervisor | QueueActor |
//! | `Died`, `StopAll` | the root thread | SupervisorActor |
//! | `Leave` | supervisor | the CronActor, the keeper, the listener, the QueueActor |
//!
//! Workers run on threads of their own, all others on the thread `mainspring`. Any message may be lost, because an actor
//! may panic and be started again: its doc says what happens then.

pub(crate) mod cron;
pub(crate) mod death_watch;
pub(crate) mod keeper;
pub(crate) mod listener;
pub(crate) mod queue;
pub(crate) mod supervisor;
#[cfg(test)]
mod tests;
pub(crate) mod worker;
