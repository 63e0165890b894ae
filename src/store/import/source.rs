//! The statements that read and change the schema of Graphile Worker. Their texts name it `graphile_worker`; here it gets its name.

use crate::schema::{Schema, quoted};

/// The last migration of Graphile Worker 0.18.
const LAST_MIGRATION: i32 = 20;

const JUDGED: &str = include_str!("judged.sql");
const KNOWN: &str = include_str!("lines.sql");

/// Which rows a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Those that can be locked at once, which it locks.
    Lockable,
    /// All of them.
    All,
}

/// What a row is that nothing keeps from being moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    /// It could not be moved, for no reason of its own.
    IsLeft,
    /// It was not to be moved.
    CanMove,
}

/// A schema of Graphile Worker.
pub(super) struct Source<'a>(&'a Schema);

impl<'a> Source<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self(schema)
    }

    pub(super) fn name(&self) -> &'a str {
        self.0.name()
    }

    pub(super) fn move_jobs(&self) -> String {
        self.text(JUDGED, Rows::Lockable, include_str!("move.sql"))
    }

    pub(super) fn preview_jobs(&self) -> String {
        self.text(JUDGED, Rows::All, include_str!("preview.sql"))
    }

    pub(super) fn left_jobs(&self, busy: Busy) -> String {
        self.text(JUDGED, Rows::All, &with_busy(include_str!("left.sql"), busy))
    }

    pub(super) fn move_lines(&self) -> String {
        self.text(KNOWN, Rows::Lockable, include_str!("move_lines.sql"))
    }

    pub(super) fn preview_lines(&self) -> String {
        self.text(KNOWN, Rows::All, include_str!("preview_lines.sql"))
    }

    pub(super) fn left_lines(&self, busy: Busy) -> String {
        self.text(KNOWN, Rows::All, &with_busy(include_str!("left_lines.sql"), busy))
    }

    /// The oldest migration that an unknown version of Graphile Worker has made, and that older ones cannot work with.
    pub(super) fn newer_migration(&self) -> String {
        self.in_schema(&format!(
            "SELECT min(id)::text FROM graphile_worker.migrations WHERE breaking AND id > {LAST_MIGRATION}"
        ))
    }

    fn text(&self, queries: &str, rows: Rows, rest: &str) -> String {
        self.in_schema(&format!("WITH {}{rest}", of_rows(queries, rows)))
    }

    fn in_schema(&self, text: &str) -> String {
        text.replace("graphile_worker.", &format!("{}.", quoted(self.name())))
    }
}

// No row of Graphile Worker is waited for. An uncommitted job of the same key in Mainspring is: where its transaction then changes a
// row that is locked here, PostgreSQL ends one of the two. An import may be repeated.
fn of_rows(queries: &str, rows: Rows) -> String {
    match rows {
        Rows::All => queries.replace("/* locked too */", "true"),
        Rows::Lockable => {
            queries.replace("/* locked too */", "false").replace("/* lock */", "FOR UPDATE SKIP LOCKED")
        }
    }
}

fn with_busy(text: &str, busy: Busy) -> String {
    text.replace("/* busy too */", if busy == Busy::IsLeft { "true" } else { "false" })
}
