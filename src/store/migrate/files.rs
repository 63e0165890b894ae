//! The SQL files that the build has embedded. See `build.rs`.

/// A step of the tables. Its version is the date and the number in its folder's name.
pub(super) struct TableStep {
    pub(super) version: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
}

/// A file in sql/.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) hash: &'static str,
    pub(super) phase: Phase,
    pub(super) text: &'static str,
}

/// When a definition is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    BeforeTables,
    AfterTables,
}

include!(concat!(env!("OUT_DIR"), "/definitions.rs"));
