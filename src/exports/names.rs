//! The names under which numbers are exported: for Prometheus, and for the facade of the crate `metrics`, where OpenTelemetry's
//! names are used as far as there are any. docs/guide/observability.md lists them, and a test compares.

use crate::store::stats::Counts;

/// A name with what it means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Export {
    /// For Prometheus.
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) labels: &'static [&'static str],
    pub(crate) help: &'static str,
    /// For the facade.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "the facade reads it"))]
    pub(crate) facade: Facade,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Counter,
    Gauge,
    /// Durations in seconds.
    Histogram,
}

/// A name of the facade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "the facade reads it"))]
pub(crate) enum Facade {
    /// Of OpenTelemetry's messaging conventions, with the name of the operation. The task is the destination.
    Messaging(&'static str, &'static str),
    /// One of our own, with the labels of the export.
    Own(&'static str),
}

/// What is counted of tasks, or of queues.
pub(crate) struct Counted {
    enqueued: Export,
    started: Export,
    outcomes: Export,
    rescued: Export,
    wait: Export,
    run: Export,
}

impl Counted {
    pub(crate) fn all(&'static self) -> [&'static Export; 6] {
        [&self.enqueued, &self.started, &self.outcomes, &self.rescued, &self.wait, &self.run]
    }
}

type CountOf = fn(&Counts) -> u64;

/// The outcomes, each with its count.
pub(crate) const OUTCOMES: [(&str, CountOf); 7] = [
    ("succeeded", |counts| counts.succeeded),
    ("failed", |counts| counts.failed),
    ("dead", |counts| counts.dead),
    ("cancelled", |counts| counts.cancelled),
    ("snoozed", |counts| counts.snoozed),
    ("interrupted", |counts| counts.interrupted),
    ("lost", |counts| counts.lost),
];

const WAIT_HELP: &str =
    "From the time at which a job was due to the start of its attempt. The sum is within a tenth.";
const RUN_HELP: &str = "From the start to the end of an attempt. The sum is within a tenth.";
const OUTCOMES_HELP: &str =
    "Attempts that have ended, and jobs that died or were cancelled with their worker.";

pub(crate) static TASKS: Counted = Counted {
    enqueued: Export {
        name: "mainspring_jobs_enqueued_total",
        shape: Shape::Counter,
        labels: &["task"],
        help: "Jobs that this process has added.",
        facade: Facade::Messaging("messaging.client.sent.messages", "enqueue"),
    },
    started: Export {
        name: "mainspring_attempts_started_total",
        shape: Shape::Counter,
        labels: &["task"],
        help: "Attempts that this process has started.",
        facade: Facade::Messaging("messaging.client.consumed.messages", "claim"),
    },
    outcomes: Export {
        name: "mainspring_outcomes_total",
        shape: Shape::Counter,
        labels: &["task", "outcome"],
        help: OUTCOMES_HELP,
        facade: Facade::Own("mainspring.outcomes"),
    },
    rescued: Export {
        name: "mainspring_jobs_rescued_total",
        shape: Shape::Counter,
        labels: &["task"],
        help: "Jobs that this process has taken from lost workers.",
        facade: Facade::Own("mainspring.jobs.rescued"),
    },
    wait: Export {
        name: "mainspring_wait_seconds",
        shape: Shape::Histogram,
        labels: &["task"],
        help: WAIT_HELP,
        facade: Facade::Own("mainspring.wait.duration"),
    },
    run: Export {
        name: "mainspring_run_seconds",
        shape: Shape::Histogram,
        labels: &["task"],
        help: RUN_HELP,
        facade: Facade::Messaging("messaging.process.duration", "process"),
    },
};

// Apart from those of tasks: a sum over both would count each job twice.
pub(crate) static QUEUES: Counted = Counted {
    enqueued: Export {
        name: "mainspring_queue_jobs_enqueued_total",
        shape: Shape::Counter,
        labels: &["queue"],
        help: "Jobs that this process has added.",
        facade: Facade::Own("mainspring.queue.jobs.enqueued"),
    },
    started: Export {
        name: "mainspring_queue_attempts_started_total",
        shape: Shape::Counter,
        labels: &["queue"],
        help: "Attempts that this process has started.",
        facade: Facade::Own("mainspring.queue.attempts.started"),
    },
    outcomes: Export {
        name: "mainspring_queue_outcomes_total",
        shape: Shape::Counter,
        labels: &["queue", "outcome"],
        help: OUTCOMES_HELP,
        facade: Facade::Own("mainspring.queue.outcomes"),
    },
    rescued: Export {
        name: "mainspring_queue_jobs_rescued_total",
        shape: Shape::Counter,
        labels: &["queue"],
        help: "Jobs that this process has taken from lost workers.",
        facade: Facade::Own("mainspring.queue.jobs.rescued"),
    },
    wait: Export {
        name: "mainspring_queue_wait_seconds",
        shape: Shape::Histogram,
        labels: &["queue"],
        help: WAIT_HELP,
        facade: Facade::Own("mainspring.queue.wait.duration"),
    },
    run: Export {
        name: "mainspring_queue_run_seconds",
        shape: Shape::Histogram,
        labels: &["queue"],
        help: RUN_HELP,
        facade: Facade::Own("mainspring.queue.run.duration"),
    },
};

pub(crate) static JOBS: Export = Export {
    name: "mainspring_jobs",
    shape: Shape::Gauge,
    labels: &["state", "task"],
    help: "Jobs in the database, as of the last sample.",
    facade: Facade::Own("mainspring.jobs"),
};
pub(crate) static JOBS_ESTIMATED: Export = Export {
    name: "mainspring_jobs_estimated",
    shape: Shape::Gauge,
    labels: &["state"],
    help: "1 if there are too many jobs in this state to count them, so that their number is an estimate.",
    facade: Facade::Own("mainspring.jobs.estimated"),
};
pub(crate) static OLDEST_READY: Export = Export {
    name: "mainspring_oldest_ready_seconds",
    shape: Shape::Gauge,
    labels: &["task"],
    help: "For how long the oldest ready job has been due, as of the last sample.",
    facade: Facade::Own("mainspring.oldest_ready"),
};
pub(crate) static WORKERS: Export = Export {
    name: "mainspring_workers",
    shape: Shape::Gauge,
    labels: &["state"],
    help: "Workers in the database: alive, or lost.",
    facade: Facade::Own("mainspring.workers"),
};
pub(crate) static HORIZON_SECONDS: Export = Export {
    name: "mainspring_horizon_seconds",
    shape: Shape::Gauge,
    labels: &[],
    help: "For how long the same transaction or replication slot has kept dead rows from being removed.",
    facade: Facade::Own("mainspring.horizon.age"),
};
pub(crate) static HORIZON_TRANSACTIONS: Export = Export {
    name: "mainspring_horizon_transactions",
    shape: Shape::Gauge,
    labels: &[],
    help: "How many transactions have begun since the one that keeps dead rows.",
    facade: Facade::Own("mainspring.horizon.transactions"),
};
pub(crate) static DEAD_ROWS: Export = Export {
    name: "mainspring_dead_rows",
    shape: Shape::Gauge,
    labels: &[],
    help: "Dead rows in the table of jobs.",
    facade: Facade::Own("mainspring.dead_rows"),
};
pub(crate) static SAMPLED_AT: Export = Export {
    name: "mainspring_sampled_timestamp_seconds",
    shape: Shape::Gauge,
    labels: &[],
    help: "When the gauges were sampled, by the clock of the database.",
    facade: Facade::Own("mainspring.sampled_timestamp"),
};
pub(crate) static READY: Export = Export {
    name: "mainspring_ready",
    shape: Shape::Gauge,
    labels: &[],
    help: "1 if nothing is wrong with this process, as its readiness probe says.",
    facade: Facade::Own("mainspring.ready"),
};

/// Everything that is exported.
#[cfg(test)]
pub(crate) fn all() -> Vec<&'static Export> {
    let gauges = [
        &JOBS,
        &JOBS_ESTIMATED,
        &OLDEST_READY,
        &WORKERS,
        &HORIZON_SECONDS,
        &HORIZON_TRANSACTIONS,
        &DEAD_ROWS,
        &SAMPLED_AT,
        &READY,
    ];
    TASKS.all().into_iter().chain(QUEUES.all()).chain(gauges).collect()
}
