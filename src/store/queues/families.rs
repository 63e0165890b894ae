//! Families of queues: the limits of all queues whose names begin with a prefix. The database gives them to the queues.

use diesel::sql_types::Bool;
use serde::{Deserialize, Serialize};

use super::settings::{QueueSettings, changed, with_limits};
use crate::error::StoreError;
use crate::store::counts::LIST_CAP;
use crate::store::json_rows::rows;
use crate::store::session::AsSession;
use crate::store::statement::Statement;

/// The limits of a family of queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueFamily {
    /// The prefix of its queues and a star, such as `tenant:*`.
    pub family: String,
    /// How many jobs of each queue may run at once, over all processes.
    pub concurrency: i32,
    /// How many jobs of each queue may start in a period; `None` without such a limit.
    pub rate_limit: Option<i32>,
    /// The period of the rate, in seconds.
    pub rate_period_seconds: Option<f64>,
}

/// Sets the limits of a family: of each queue, now and later, whose name begins with a prefix and for which no limits were set.
/// `family` is the prefix and a star, such as `tenant:*`; `*` alone means all queues. A queue that is in several families has
/// the limits of the one with the longest prefix. Each queue has these limits for itself.
///
/// ```no_run
/// use mainspring::queues::{self, QueueSettings};
///
/// # fn main() -> Result<(), mainspring::StoreError> {
/// let mut conn = mainspring::database::connect("postgres://localhost/app")?;
/// queues::set_family(&mut conn, "tenant:*", &QueueSettings::concurrency(3))?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`set`](super::set). A family that does not end with a star is [`StoreError::Invalid`].
pub fn set_family(
    conn: &mut impl AsSession,
    family: &str,
    settings: &QueueSettings,
) -> Result<(), StoreError> {
    let text = "SELECT mainspring.set_queue_family({}, {}, {}, {} * interval '1 millisecond')";
    let set = Statement::<()>::new(text);
    with_limits(set, ("family", family), Some(settings.concurrency), settings.rate).execute(conn)?;
    Ok(())
}

/// Sets the limits of a family, as [`set_family`] does, unless a person has set others. Returns `true` if they were set now. The rule
/// is that of [`set_if_absent`](super::set_if_absent).
///
/// # Errors
///
/// As [`set_family`].
pub fn set_family_if_absent(
    conn: &mut impl AsSession,
    family: &str,
    settings: &QueueSettings,
) -> Result<bool, StoreError> {
    let text = "SELECT mainspring.set_queue_family_if_absent({}, {}, {}, {} * interval '1 millisecond')";
    let set = Statement::<(Bool,)>::new(text);
    let set = with_limits(set, ("family", family), Some(settings.concurrency), settings.rate);
    Ok(set.get_result::<(bool,)>(conn)?.0)
}

/// Removes the limits of a family. Its queues have those of the next family that they are in, or the defaults. Returns `false`
/// if the family had none.
///
/// # Errors
///
/// As [`set_family`].
pub fn remove_family(conn: &mut impl AsSession, family: &str) -> Result<bool, StoreError> {
    changed(conn, "SELECT mainspring.remove_queue_family({})", "family", family)
}

/// Returns the families of queues, by prefix in the order of the database, at most [`LIST_CAP`](crate::status::LIST_CAP).
///
/// # Errors
///
/// [`StoreError::Database`] when the database refuses.
pub fn families(conn: &mut impl AsSession) -> Result<Vec<QueueFamily>, StoreError> {
    let text = format!(
        "SELECT row_to_json(s)::text FROM (SELECT f.prefix || '*' AS family, f.concurrency, f.rate_limit, \
             extract(epoch FROM f.rate_period)::float8 AS rate_period_seconds \
         FROM mainspring.queue_families AS f ORDER BY f.prefix LIMIT {LIST_CAP}) AS s"
    );
    rows(conn, Statement::new(text))
}
