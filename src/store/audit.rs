//! The audit log: who has done what, to what, why, and with what result. The [dashboard](crate::guide::dashboard) adds a line with each
//! act, in the transaction of the act. An application's own routes may do the same. Lines are kept for 90 days, and have no payloads.
//!
//! ```no_run
//! use mainspring::audit::{self, AuditFilter, NewAuditEntry};
//! use mainspring::{Scheduler, StoreError, queues};
//!
//! # async fn example(scheduler: Scheduler) -> Result<(), StoreError> {
//! let paused: Result<(), StoreError> = scheduler
//!     .transaction(|conn| {
//!         queues::pause(conn, "mails")?;
//!         let entry = NewAuditEntry::new("anna", "pause-queue", "queue", "mails", "paused");
//!         audit::add(conn, &entry.reason("the provider is down"))?;
//!         Ok(())
//!     })
//!     .await;
//! # paused?;
//! # let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! let mut of_anna = AuditFilter::new();
//! of_anna.who = Some("anna".into());
//! for entry in audit::list(&mut conn, &of_anna)? {
//!     println!("{} {} {}: {}", entry.acted_at, entry.act, entry.subject, entry.result);
//! }
//! # Ok(())
//! # }
//! ```

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Nullable};
use serde::{Deserialize, Serialize};

use super::json_moment;
use super::json_rows::rows;
use super::query;
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// The number of the line. A later line has a greater one.
    pub id: i64,
    /// When the act was done.
    #[serde(deserialize_with = "json_moment::required")]
    pub acted_at: DateTime<Utc>,
    /// Who has done it, as the application names that person.
    pub who: String,
    /// What was done, such as `cancel-job`.
    pub act: String,
    /// What it was done to: `job`, `queue`, `schedule` or `operation`, or a word of the application.
    pub kind: String,
    /// The id or the name of that.
    pub subject: String,
    /// Which jobs an act on many was about, in words; `None` for any other act.
    pub filter: Option<String>,
    /// How many jobs those were, if they were counted.
    pub jobs: Option<i64>,
    /// Why, as that person has written it.
    pub reason: Option<String>,
    /// What became of it, in words.
    pub result: String,
}

/// A line to be added to the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an entry is in no log until it is given to `add`"]
pub struct NewAuditEntry {
    who: String,
    act: String,
    kind: String,
    subject: String,
    filter: Option<String>,
    jobs: Option<i64>,
    reason: Option<String>,
    result: String,
}

impl NewAuditEntry {
    /// Creates an entry: who has done what, to which kind of thing of which id or name, and with what result. The limits are 256, 64, 32,
    /// 256 and 1,000 characters. None may be empty.
    pub fn new(
        who: impl Into<String>,
        act: impl Into<String>,
        kind: impl Into<String>,
        subject: impl Into<String>,
        result: impl Into<String>,
    ) -> Self {
        let (who, act, kind, subject) = (who.into(), act.into(), kind.into(), subject.into());
        Self { who, act, kind, subject, result: result.into(), filter: None, jobs: None, reason: None }
    }

    /// Sets which jobs an act on many is about, in words of at most 2,000 characters, and how many those are if they were counted.
    pub fn jobs(mut self, filter: impl Into<String>, jobs: Option<i64>) -> Self {
        (self.filter, self.jobs) = (Some(filter.into()), jobs);
        self
    }

    /// Sets why, at most 1,000 characters; an empty text is none.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The same, of another subject.
    #[cfg(feature = "dashboard")]
    pub(crate) fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// The same, with another result.
    pub fn result(mut self, result: impl Into<String>) -> Self {
        self.result = result.into();
        self
    }
}

/// Which lines [`list`] returns: those that meet every condition that is set. A route reads it from a query.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
#[must_use = "a filter does nothing until it is given to `list`"]
pub struct AuditFilter {
    /// Only acts of this person.
    pub who: Option<String>,
    /// Only this act, such as `cancel-job`.
    pub act: Option<String>,
    /// Only acts on this kind of thing: `job`, `queue`, `schedule`, `operation`, `workflow` or `signal`.
    pub kind: Option<String>,
    /// Only acts on what has this id or name.
    pub subject: Option<String>,
    /// Only lines with a smaller number. The last one of a page selects the next page.
    #[serde(deserialize_with = "query::before_id")]
    pub before_id: Option<i64>,
    /// At most this many; default 100. A query may ask for at most 10,000.
    #[serde(deserialize_with = "query::limit")]
    pub limit: u32,
}

impl AuditFilter {
    /// Creates a filter that admits the last 100 lines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a filter that admits the last 100 acts on this.
    pub fn on(kind: &str, subject: impl Into<String>) -> Self {
        Self { kind: Some(kind.to_owned()), subject: Some(subject.into()), ..Self::default() }
    }
}

impl Default for AuditFilter {
    fn default() -> Self {
        Self { who: None, act: None, kind: None, subject: None, before_id: None, limit: 100 }
    }
}

/// Adds a line, and returns its number. In the transaction of the act, both are stored or none.
///
/// # Errors
///
/// [`StoreError::Invalid`] when a text breaks its limit, and then nothing is stored; [`StoreError::Database`] when the database
/// refuses.
pub fn add(conn: &mut impl AsSession, entry: &NewAuditEntry) -> Result<i64, StoreError> {
    let add = Statement::<(BigInt,)>::new("SELECT mainspring.add_audit({}, {}, {}, {}, {}, {}, {}, {})")
        .text("who", &*entry.who)
        .text("act", &*entry.act)
        .text("kind", &*entry.kind)
        .text("subject", &*entry.subject)
        .text("result", &*entry.result)
        .text_or_null("reason", entry.reason.as_deref())
        .text_or_null("filter", entry.filter.as_deref())
        .bind::<Nullable<BigInt>, _>(entry.jobs)
        .contained();
    Ok(add.get_result::<(i64,)>(conn)?.0)
}

/// Returns the lines that the filter admits, the latest first. A person, and a kind with its subject, are found by an index.
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses, [`StoreError::SchemaMissing`] where the schema is missing.
pub fn list(conn: &mut impl AsSession, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
    let conditions =
        [("who", &filter.who), ("act", &filter.act), ("kind", &filter.kind), ("subject", &filter.subject)];
    let set = || conditions.iter().filter_map(|(name, text)| Some((*name, text.as_deref()?)));
    let admitted: String = set().map(|(name, _)| format!(" AND a.{name} = {{}}")).collect();
    let text = format!(
        "SELECT row_to_json(a)::text FROM mainspring.audit AS a WHERE a.id < {{}}{admitted} ORDER BY a.id DESC LIMIT {}",
        filter.limit
    );
    let statement = Statement::new(text).bind::<BigInt, _>(filter.before_id.unwrap_or(i64::MAX));
    rows(conn, set().fold(statement, |statement, (name, text)| statement.text(name, text)))
}
