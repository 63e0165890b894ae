//! What a probe of health returns: the reasons why a scheduler does not live, or is not ready. Does not know how they are
//! found, and holds no text of the database, since anybody may read the reply to a probe.

use std::fmt;

use chrono::TimeDelta;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A clock that differs by more than this from that of the database is a [`Reason`].
pub const MAX_CLOCK_DIFFERENCE_SECONDS: f64 = 5.0;

/// Why a scheduler is not healthy. `Display` writes a sentence for people. As JSON it is an object with a `code`, which
/// never changes, and the fields of the variant.
///
/// ```
/// use mainspring::health::Reason;
///
/// let reason = Reason::ClaimsFailing { seconds: 3.5 };
/// assert_eq!(reason.code(), "claims_failing");
/// assert_eq!(reason.to_string(), "claims have failed for 3.5 s: the log has the error");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Heartbeats fail: the database cannot be reached, or refuses them.
    DatabaseUnreachable {
        /// For how long. `None` if it was tried only once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
    },
    /// No heartbeat was confirmed for 0.65 of the heartbeat time-out. Running jobs were interrupted.
    HeartbeatLate {
        /// The age of the last confirmed heartbeat.
        seconds: f64,
    },
    /// No connection listens for notifications. Jobs of other processes are found by polling.
    ListenerGone {
        /// For how long.
        seconds: f64,
    },
    /// Claims fail.
    ClaimsFailing {
        /// For how long.
        seconds: f64,
    },
    /// A claim has been under way for more than five seconds, and none has ended since.
    ClaimsStalled {
        /// For how long.
        seconds: f64,
    },
    /// Handlers block all worker threads, so nothing is claimed. The log names the jobs.
    ThreadsBlocked,
    /// The clocks of the database and of this machine differ by more than [`MAX_CLOCK_DIFFERENCE_SECONDS`].
    ClockDifference {
        /// How far the clock of the database is ahead. Negative if it is behind.
        seconds: f64,
    },
    /// A newer program has migrated the schema in a way that this program cannot work with.
    SchemaTooNew,
    /// The schema is missing, is not whole, or lacks migrations.
    SchemaUnusable,
    /// A stop was requested. Nothing is claimed any more.
    Draining {
        /// How long ago.
        seconds: f64,
    },
    /// The scheduler has stopped.
    Stopped,
    /// Actors have ended so often that the scheduler has given up.
    GaveUp,
    /// The thread that keeps the lease has ended. Without it, no job may run.
    LeaseThreadDead {
        /// How long ago.
        seconds: f64,
    },
    /// No living worker is registered in the database.
    NoLivingWorker,
    /// Each living worker has reported a problem of its own with its last heartbeat.
    NoReadyWorker,
}

impl Reason {
    /// The name of the reason, as in JSON. It never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DatabaseUnreachable { .. } => "database_unreachable",
            Self::HeartbeatLate { .. } => "heartbeat_late",
            Self::ListenerGone { .. } => "listener_gone",
            Self::ClaimsFailing { .. } => "claims_failing",
            Self::ClaimsStalled { .. } => "claims_stalled",
            Self::ThreadsBlocked => "threads_blocked",
            Self::ClockDifference { .. } => "clock_difference",
            Self::SchemaTooNew => "schema_too_new",
            Self::SchemaUnusable => "schema_unusable",
            Self::Draining { .. } => "draining",
            Self::Stopped => "stopped",
            Self::GaveUp => "gave_up",
            Self::LeaseThreadDead { .. } => "lease_thread_dead",
            Self::NoLivingWorker => "no_living_worker",
            Self::NoReadyWorker => "no_ready_worker",
        }
    }

    /// Returns `true` if only a restart of the process helps.
    #[must_use]
    pub const fn needs_restart(&self) -> bool {
        matches!(self, Self::Stopped | Self::GaveUp | Self::LeaseThreadDead { .. })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DatabaseUnreachable { seconds: Some(seconds) } => {
                write!(f, "heartbeats have failed for {seconds:.1} s: the log has the error")
            }
            Self::DatabaseUnreachable { seconds: None } => f.write_str("the database cannot be reached"),
            Self::HeartbeatLate { seconds } => {
                write!(f, "the last confirmed heartbeat is {seconds:.1} s old, and jobs were interrupted")
            }
            Self::ListenerGone { seconds } => {
                write!(f, "no notifications for {seconds:.1} s: jobs of other processes are found by polling")
            }
            Self::ClaimsFailing { seconds } => {
                write!(f, "claims have failed for {seconds:.1} s: the log has the error")
            }
            Self::ClaimsStalled { seconds } => write!(f, "a claim has had no reply for {seconds:.1} s"),
            Self::ThreadsBlocked => {
                f.write_str("handlers block all worker threads, so nothing is claimed: the log has the jobs")
            }
            Self::ClockDifference { seconds } => {
                let direction = if *seconds < 0.0 { "behind" } else { "ahead of" };
                let seconds = seconds.abs();
                write!(f, "the database's clock is {seconds:.1} s {direction} the clock of this machine")
            }
            Self::SchemaTooNew => {
                f.write_str("the schema is newer than this program can work with: update the program")
            }
            Self::SchemaUnusable => {
                f.write_str("the schema is missing or lacks migrations: run `mainspring migrate`")
            }
            Self::Draining { seconds } => write!(f, "a stop was requested {seconds:.1} s ago"),
            Self::Stopped => f.write_str("the scheduler has stopped"),
            Self::GaveUp => f.write_str("the scheduler has given up: its actors ended too often"),
            Self::LeaseThreadDead { seconds } => {
                write!(f, "the thread of the heartbeats ended {seconds:.1} s ago")
            }
            Self::NoLivingWorker => f.write_str("no living worker is registered"),
            Self::NoReadyWorker => f.write_str("each living worker reports a problem"),
        }
    }
}

/// The reason, if a clock that is so far ahead is one.
pub(crate) fn clock_reason(ahead: TimeDelta) -> Option<Reason> {
    let seconds = ahead.num_milliseconds() as f64 / 1_000.0;
    (seconds.abs() > MAX_CLOCK_DIFFERENCE_SECONDS).then_some(Reason::ClockDifference { seconds })
}

/// The result of a probe: passed if there is no reason against it.
///
/// As JSON it is an object with `status`, which is `pass` or `fail`, and `reasons`. Each of them has its `code`, its
/// fields, and its `text`.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a probe does nothing but report"]
#[non_exhaustive]
pub struct Probe {
    /// Why it has failed. Empty if it has passed.
    pub reasons: Vec<Reason>,
}

impl Probe {
    /// Returns `true` if there is no reason.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Returns `pass` or `fail`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.passed() { "pass" } else { "fail" }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    reason: &'a Reason,
    text: String,
}

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = |reason| Told { reason, text: reason.to_string() };
        let mut probe = serializer.serialize_struct("Probe", 2)?;
        probe.serialize_field("status", self.status())?;
        probe.serialize_field("reasons", &self.reasons.iter().map(told).collect::<Vec<_>>())?;
        probe.end()
    }
}

/// Reads what was written so. The status follows from the reasons.
impl<'de> Deserialize<'de> for Probe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            reasons: Vec<Reason>,
        }
        Written::deserialize(deserializer).map(|Written { reasons }| Self { reasons })
    }
}

/// The health of a scheduler at one moment.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "health does nothing but report"]
#[non_exhaustive]
pub struct Health {
    /// Everything that is wrong. Empty if nothing is.
    pub reasons: Vec<Reason>,
}

impl Health {
    pub(crate) fn new(reasons: Vec<Reason>) -> Self {
        Self { reasons }
    }

    /// Fails only if a restart of the process helps.
    pub fn live(&self) -> Probe {
        Probe { reasons: self.reasons.iter().copied().filter(Reason::needs_restart).collect() }
    }

    /// Fails while anything is wrong.
    pub fn ready(&self) -> Probe {
        Probe { reasons: self.reasons.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reason_is_the_same_after_a_way_through_json_and_has_its_code_there() {
        for reason in [
            Reason::DatabaseUnreachable { seconds: None },
            Reason::DatabaseUnreachable { seconds: Some(1.0) },
            Reason::HeartbeatLate { seconds: 1.0 },
            Reason::ListenerGone { seconds: 1.0 },
            Reason::ClaimsFailing { seconds: 1.0 },
            Reason::ClaimsStalled { seconds: 1.0 },
            Reason::ThreadsBlocked,
            Reason::ClockDifference { seconds: -6.0 },
            Reason::SchemaTooNew,
            Reason::SchemaUnusable,
            Reason::Draining { seconds: 1.0 },
            Reason::Stopped,
            Reason::GaveUp,
            Reason::LeaseThreadDead { seconds: 1.0 },
            Reason::NoLivingWorker,
            Reason::NoReadyWorker,
        ] {
            let value = serde_json::to_value(reason).unwrap();
            assert_eq!(value["code"], reason.code());
            assert_eq!(serde_json::from_value::<Reason>(value).unwrap(), reason);
        }
    }

    #[test]
    fn only_what_a_restart_cures_is_against_life() {
        let draining = Reason::Draining { seconds: 1.0 };
        let health = Health::new(vec![draining, Reason::GaveUp]);
        assert_eq!(health.live().reasons, [Reason::GaveUp]);
        assert_eq!(health.ready().reasons, [draining, Reason::GaveUp]);
        assert!(Health::new(vec![draining]).live().passed());
    }

    #[test]
    fn a_probe_is_json_with_a_text_for_each_reason() {
        let probe = Health::new(vec![Reason::ClockDifference { seconds: -7.25 }]).ready();
        let text = "the database's clock is 7.2 s behind the clock of this machine";
        let reasons = json!([{"code": "clock_difference", "seconds": -7.25, "text": text}]);
        assert_eq!(serde_json::to_value(&probe).unwrap(), json!({"status": "fail", "reasons": reasons}));
        let healthy = serde_json::to_value(Health::new(Vec::new()).live()).unwrap();
        assert_eq!(healthy, json!({"status": "pass", "reasons": []}));
    }
}
