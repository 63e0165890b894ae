//! What an examination can find, and how bad each of it is. Knows no SQL.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wrong. `Display` writes the code, such as `index_missing`, which never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the chapter on observability has a table of them")]
pub enum Code {
    ServerUnsupported,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    DefinitionsChanged,
    IndexMissing,
    IndexInvalid,
    ConstraintChanged,
    ColumnChanged,
    TriggerDisabled,
    TableUnlogged,
    GrantsIncomplete,
    FsyncOff,
    FullPageWritesOff,
    CommitsRelaxed,
    AutovacuumOff,
    TableAutovacuumOff,
    ActivitiesUntracked,
    StatementTimeoutShort,
    LockTimeoutShort,
    IsolationRaised,
    ReadOnlyByDefault,
    TriggersSuppressed,
    IdleTransactionsUnbounded,
    ConnectionsScarce,
    ConnectionsLimited,
    StatementsUntracked,
    TransactionOpenLong,
    PreparedTransactionOld,
    SlotInactive,
    DeadRows,
    IndexBloated,
    HistoryPartitionMissing,
    HistoryDefaultPartition,
    SequenceNearEnd,
    SequenceBehind,
    ClockDifference,
    WorkerLost,
    JobsWithoutWorker,
    WorkerFailing,
    TaskWithoutWorker,
    QueueStuck,
    JobsLate,
    EverythingPaused,
    TaskPaused,
    QueuePaused,
    DeadJobsMany,
    JobsHeld,
}

impl Code {
    /// All codes, in the order of an examination.
    pub const ALL: [Self; 48] = [
        Self::ServerUnsupported,
        Self::SchemaMissing,
        Self::SchemaOutdated,
        Self::SchemaTooNew,
        Self::DefinitionsChanged,
        Self::IndexMissing,
        Self::IndexInvalid,
        Self::ConstraintChanged,
        Self::ColumnChanged,
        Self::TriggerDisabled,
        Self::TableUnlogged,
        Self::GrantsIncomplete,
        Self::FsyncOff,
        Self::FullPageWritesOff,
        Self::CommitsRelaxed,
        Self::AutovacuumOff,
        Self::TableAutovacuumOff,
        Self::ActivitiesUntracked,
        Self::StatementTimeoutShort,
        Self::LockTimeoutShort,
        Self::IsolationRaised,
        Self::ReadOnlyByDefault,
        Self::TriggersSuppressed,
        Self::IdleTransactionsUnbounded,
        Self::ConnectionsScarce,
        Self::ConnectionsLimited,
        Self::StatementsUntracked,
        Self::TransactionOpenLong,
        Self::PreparedTransactionOld,
        Self::SlotInactive,
        Self::DeadRows,
        Self::IndexBloated,
        Self::HistoryPartitionMissing,
        Self::HistoryDefaultPartition,
        Self::SequenceNearEnd,
        Self::SequenceBehind,
        Self::ClockDifference,
        Self::WorkerLost,
        Self::JobsWithoutWorker,
        Self::WorkerFailing,
        Self::TaskWithoutWorker,
        Self::QueueStuck,
        Self::JobsLate,
        Self::EverythingPaused,
        Self::TaskPaused,
        Self::QueuePaused,
        Self::DeadJobsMany,
        Self::JobsHeld,
    ];

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::IdleTransactionsUnbounded | Self::StatementsUntracked => Severity::Info,
            Self::ServerUnsupported
            | Self::SchemaMissing
            | Self::SchemaOutdated
            | Self::SchemaTooNew
            | Self::DefinitionsChanged
            | Self::IndexMissing
            | Self::IndexInvalid
            | Self::ColumnChanged
            | Self::TriggerDisabled
            | Self::TableUnlogged
            | Self::GrantsIncomplete
            | Self::FsyncOff
            | Self::FullPageWritesOff
            | Self::AutovacuumOff
            | Self::TableAutovacuumOff
            | Self::ReadOnlyByDefault
            | Self::TriggersSuppressed
            | Self::HistoryPartitionMissing
            | Self::SequenceNearEnd
            | Self::SequenceBehind
            | Self::WorkerLost => Severity::Error,
            Self::ConstraintChanged
            | Self::CommitsRelaxed
            | Self::ActivitiesUntracked
            | Self::StatementTimeoutShort
            | Self::LockTimeoutShort
            | Self::IsolationRaised
            | Self::ConnectionsScarce
            | Self::ConnectionsLimited
            | Self::TransactionOpenLong
            | Self::PreparedTransactionOld
            | Self::SlotInactive
            | Self::DeadRows
            | Self::IndexBloated
            | Self::HistoryDefaultPartition
            | Self::ClockDifference
            | Self::JobsWithoutWorker
            | Self::WorkerFailing
            | Self::TaskWithoutWorker
            | Self::QueueStuck
            | Self::JobsLate
            | Self::EverythingPaused
            | Self::TaskPaused
            | Self::QueuePaused
            | Self::DeadJobsMany
            | Self::JobsHeld => Severity::Warning,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// How bad a finding is. `Display` writes it in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing. It is not counted.
    Info,
    /// It costs time or space, or hides something. Jobs run.
    Warning,
    /// Jobs stop, fail or may be lost, now or soon.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
