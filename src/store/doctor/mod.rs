//! The doctor: looks for what hurts a schema, its database or its server, and names the cure of each finding. It only reads, mostly
//! from the catalogue and the statistics of the server, and takes milliseconds however many jobs there are.
//!
//! ```no_run
//! use mainspring::doctor::{self, Options};
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let report = doctor::examine(&mut conn, &Options::new())?;
//! for finding in &report.findings {
//!     println!("{}: {finding}\n{}", finding.code, finding.cure);
//! }
//! assert_eq!(report.count(), 0);
//! # Ok(())
//! # }
//! ```

mod check;
mod code;
mod finding;
mod pauses;
mod schema;
mod sessions;
mod settings;
mod storage;
mod structure;
mod work;

use std::cmp::Reverse;

use diesel::sql_types::Bool;

use self::check::{Check, Needs};
pub use self::code::{Code, Severity};
pub use self::finding::{By, Cure, Finding, Options, Report, Unchecked};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::{AsSession, Session};

// How each check begins. It blocks no other statement for long: it takes the weakest lock of a table, and gives up early.
const OPENING: [&str; 9] = [
    "SET TRANSACTION READ ONLY",
    "SET LOCAL statement_timeout = '5s'",
    "SET LOCAL lock_timeout = '100ms'",
    "SET LOCAL search_path = pg_catalog, pg_temp",
    "SET LOCAL quote_all_identifiers = off",
    "SET LOCAL IntervalStyle = 'postgres'",
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_bitmapscan = off",
    "SET LOCAL jit = off",
];

/// Examines the schema of the session, its database and its server.
///
/// It never waits for more than five seconds for one query. What the role may not see, and what the server refuses, is in
/// [`Report::unchecked`], and is no error.
///
/// # Errors
///
/// [`StoreError::Database`] when the connection breaks.
pub fn examine(conn: &mut impl AsSession, options: &Options) -> Result<Report, StoreError> {
    let mut session = conn.as_session();
    let mut report = Report::default();
    server(&mut session, &mut report, options)?;
    run(&mut session, &mut report, options, sessions::CHECKS)?;
    if schema::examine(&mut session, &mut report)? == schema::Fit::Usable {
        structure::examine(&mut session, &mut report)?;
        contents(&mut session, &mut report, options)?;
    }
    report.findings.sort_by_key(|finding| Reverse(finding.severity));
    Ok(report)
}

/// A part of an examination. Each takes some ten milliseconds.
#[cfg(feature = "dashboard")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Sessions, storage, pauses and work: what changes by itself.
    Moment,
    /// The version and the settings of the server.
    Server,
    /// The definitions of the schema, and what roles may do with them.
    Definitions,
}

#[cfg(feature = "dashboard")]
impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Moment, Self::Server, Self::Definitions];
}

/// Examines one part. Together they find what [`examine`] finds.
#[cfg(feature = "dashboard")]
pub(crate) fn examine_part(
    conn: &mut impl AsSession,
    part: Part,
    options: &Options,
) -> Result<Report, StoreError> {
    let mut session = conn.as_session();
    let mut report = Report::default();
    match part {
        Part::Server => server(&mut session, &mut report, options)?,
        Part::Moment => {
            run(&mut session, &mut report, options, sessions::CHECKS)?;
            if schema::examine(&mut session, &mut report)? == schema::Fit::Usable {
                contents(&mut session, &mut report, options)?;
            }
        }
        // That the schema does not fit is a finding of the moment.
        Part::Definitions => {
            if schema::examine(&mut session, &mut Report::default())? == schema::Fit::Usable {
                structure::examine(&mut session, &mut report)?;
            }
        }
    }
    Ok(report)
}

// What is in the tables.
fn contents(session: &mut Session<'_>, report: &mut Report, options: &Options) -> Result<(), StoreError> {
    run(session, report, options, storage::CHECKS)?;
    run(session, report, options, pauses::CHECKS)?;
    run(session, report, options, &work::checks())
}

// What needs no schema.
fn server(session: &mut Session<'_>, report: &mut Report, options: &Options) -> Result<(), StoreError> {
    let version = looked(session, schema::server_version)?;
    report.findings.extend(version.ok().and_then(schema::unsupported));
    run(session, report, options, &settings::checks())
}

fn run(
    session: &mut Session<'_>,
    report: &mut Report,
    options: &Options,
    checks: &[Check],
) -> Result<(), StoreError> {
    for check in checks {
        if let Some(missing) = missing_right(session, check.needs)? {
            report.skip(check.code, missing);
            continue;
        }
        match looked(session, |session| check.run(session, options))? {
            Ok(found) => report.findings.extend(found),
            Err(refused) => report.skip(check.code, &format!("the server refuses the query: {refused}")),
        }
    }
    Ok(())
}

impl Report {
    fn skip(&mut self, code: Code, reason: &str) {
        if self.unchecked.iter().all(|known| known.code != code) {
            self.unchecked.push(Unchecked { code, reason: reason.to_owned() });
        }
    }
}

// Reads in a transaction of its own. It is rolled back in any case, so that a transaction of the caller keeps its settings.
fn looked<T>(
    session: &mut Session<'_>,
    work: impl FnOnce(&mut Session<'_>) -> Result<T, StoreError>,
) -> Result<Result<T, StoreError>, StoreError> {
    let undone = session.transaction(|session| -> Result<(), Looked<T>> {
        OPENING.iter().try_for_each(|setting| session.run(setting))?;
        Err(Looked::Read(work(session)?))
    });
    match undone {
        Err(Looked::Read(read)) => Ok(Ok(read)),
        Err(Looked::Failed(error)) if error.is_refusal() => Ok(Err(error)),
        Err(Looked::Failed(error)) => Err(error),
        Ok(()) => Err(StoreError::no_row()),
    }
}

/// Why a transaction that only reads was rolled back.
enum Looked<T> {
    Read(T),
    Failed(StoreError),
}

impl<T> From<StoreError> for Looked<T> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

// What the role lacks, in words.
fn missing_right(session: &mut Session<'_>, needs: Needs) -> Result<Option<&'static str>, StoreError> {
    let (query, words) = match needs {
        Needs::Nothing => return Ok(None),
        Needs::Monitor => (MAY_MONITOR, "needs pg_monitor"),
        Needs::Reading => (MAY_READ, "needs the rights of grant_read"),
        Needs::Sequences => (MAY_READ_SEQUENCES, "needs the rights of grant_worker"),
    };
    let may = looked(session, |session| Statement::<(Bool,)>::new(query).get_result::<(bool,)>(session))?;
    Ok(if may.is_ok_and(|row| row.0) { None } else { Some(words) })
}

const MAY_MONITOR: &str = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')";

// Any column will do: `grant_read` gives all but payloads.
const MAY_READ: &str = "SELECT coalesce(bool_and(has_any_column_privilege(c.oid, 'SELECT')), false) \
    AND has_schema_privilege('mainspring'::regnamespace, 'USAGE') \
    FROM pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind IN ('r', 'p') \
        AND NOT c.relispartition";

const MAY_READ_SEQUENCES: &str = "SELECT coalesce(bool_and(has_sequence_privilege(c.oid, 'SELECT, USAGE')), false) \
    AND (SELECT bool_and(has_any_column_privilege(t.oid, 'SELECT')) FROM pg_class AS t \
        WHERE t.relnamespace = 'mainspring'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition) \
    FROM pg_class AS c WHERE c.relnamespace = 'mainspring'::regnamespace AND c.relkind = 'S'";
