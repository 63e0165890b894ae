//! The records of crontab lines: since when each identifier is known, and its last fire. A fire is recorded and its job
//! added in one transaction, so that a second process finds it done.

use chrono::{DateTime, Utc};
use diesel::Queryable;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz};

use super::enqueue::{Added, enqueue};
use super::statement::Statement;
use crate::error::StoreError;
use crate::job::NewJob;
use crate::store::session::AsSession;

/// What is recorded of a line's identifier.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(crate) struct KnownLine {
    pub(crate) identifier: String,
    pub(crate) known_since: DateTime<Utc>,
    pub(crate) last_fire: Option<DateTime<Utc>>,
}

/// Records the identifiers that are new, and returns what is recorded of each.
pub(crate) fn register_lines(
    conn: &mut impl AsSession,
    identifiers: &[String],
) -> Result<Vec<KnownLine>, StoreError> {
    Statement::<()>::new(
        "INSERT INTO mainspring.cron_fires (identifier) SELECT DISTINCT i FROM unnest({}) AS i ORDER BY i \
         ON CONFLICT DO NOTHING",
    )
    .bind::<Array<Text>, _>(identifiers)
    .execute(conn)?;
    Statement::<(Text, Timestamptz, Nullable<Timestamptz>)>::new(
        "SELECT identifier, known_since, last_fire FROM mainspring.cron_fires WHERE identifier = ANY ({})",
    )
    .bind::<Array<Text>, _>(identifiers)
    .load(conn)
}

/// Fires once for `(identifier, fire_time)` over all processes: adds the job, or returns `None` when this fire
/// or a later one has been recorded.
pub(crate) fn fire(
    conn: &mut impl AsSession,
    identifier: &str,
    fire_time: DateTime<Utc>,
    job: &NewJob,
) -> Result<Option<Added>, StoreError> {
    conn.as_session().transaction(|conn| {
        let recorded = Statement::<()>::new(
            "INSERT INTO mainspring.cron_fires AS f (identifier, last_fire) VALUES ({}, {}) \
             ON CONFLICT (identifier) DO UPDATE SET last_fire = excluded.last_fire \
             WHERE f.last_fire IS NULL OR f.last_fire < excluded.last_fire",
        )
        .bind::<Text, _>(identifier)
        .bind::<Timestamptz, _>(fire_time)
        .execute(conn)?;
        if recorded == 0 {
            return Ok(None);
        }
        Ok(enqueue(conn, std::slice::from_ref(job))?.pop())
    })
}
