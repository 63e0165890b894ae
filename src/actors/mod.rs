//! The actors: who talks to whom. Each is thin. The [engine](crate::engine) decides, the actors act.
//!
//! ```text
//!  root thread ──Died──▶ SupervisorActor ──starts, restarts──▶ all others
//!
//!  application ──Enqueue, Remove──▶ QueueActor ──TakeJobs──▶ WorkerActor (one a thread)
//!                                    ▲ ▲ │ ▲                    │
//!                                    │ │ │ └───────Settle───────┘
//!   CronActor ────────Wake───────────┤ │ └──statements──▶ PostgreSQL
//!      ▲ SchedulesChanged            │ │
//!   ListenerActor ────Wake───────────┘ │
//!                                      │
//!   HeartbeatActor ───Claims, Wake─────┘        MaintenanceActor ──Wake──▶ QueueActor
//! ```
//!
//! | message | from | to |
//! |---|---|---|
//! | `Enqueue`, `EnqueueMany`, `Remove` | the application | QueueActor |
//! | `EnqueueInSpan` | handles, jobs | QueueActor |
//! | `RunOnce` | `run_once` | QueueActor |
//! | `Wake` | listener, cron, heartbeat, maintenance, handles | QueueActor |
//! | `TakeJobs` | the thread that claimed | WorkerActor |
//! | `Perform` | an attempt | the WorkerActor of its thread |
//! | `Settle` | WorkerActor | QueueActor |
//! | `ProgressPosted` | a job | QueueActor |
//! | `Claims`, `LeasesLost` | heartbeat | QueueActor |
//! | `Reconcile` | heartbeat, listener | QueueActor |
//! | `SchedulesChanged` | listener | CronActor |
//! | `SlotsChanged` | the monitor, the supervisor | QueueActor |
//! | `Drain` | the stop | QueueActor |
//! | `Died` | the root thread | SupervisorActor |
//! | `Leave` | the stop | every actor but the supervisor and the workers |
//!
//! Workers run on threads of their own, all others on the thread `mainspring`. Any message may be lost, because an actor
//! may panic and be started again: its doc describes what happens then.

pub(crate) mod cron;
pub(crate) mod death_watch;
pub(crate) mod heartbeat;
pub(crate) mod listener;
pub(crate) mod maintenance;
pub(crate) mod monitor;
pub(crate) mod queue;
pub(crate) mod rescue;
pub(crate) mod supervisor;
#[cfg(test)]
mod tests;
pub(crate) mod worker;
