//! What the jobs of a task or of a queue did in a span of time: counts, and how long they waited and ran. Each process adds to
//! the numbers every ten seconds. A process that is killed takes those of the last ten seconds with it.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), mainspring::StoreError> {
//! let mut conn = mainspring::database::connect("postgres://localhost/app")?;
//! for task in mainspring::stats::since(&mut conn, Duration::from_secs(3600))? {
//!     println!("{}: {} succeeded, half of them within {:?}", task.name, task.counts.succeeded, task.run.quantile(0.5));
//! }
//! # Ok(())
//! # }
//! ```

use diesel::sql_types::Text;
use serde_json::json;

use super::errors::{CountedErrors, add_errors, store};
use super::statement::Statement;
use crate::error::StoreError;
use crate::store::session::AsSession;

mod counted;
mod read;

pub use self::counted::{Counts, Kind, Minute, Stats};
pub use self::read::{by_minute, since};
pub use crate::histogram::Histogram;

/// Adds numbers to those of the current minute, and errors to their groups. Without any, there is no statement.
pub(crate) fn add(
    conn: &mut impl AsSession,
    added: &[Stats],
    errors: &[CountedErrors],
) -> Result<(), StoreError> {
    if added.is_empty() && errors.is_empty() {
        return Ok(());
    }
    let (text, added) =
        (concat!("SELECT mainspring.add_stats({}::jsonb)::text, ", add_errors!()), to_json(added));
    store(conn, errors, |conn, errors| {
        Statement::<()>::new(text).bind::<Text, _>(&added).bind::<Text, _>(errors).execute(conn)
    })?;
    Ok(())
}

/// As sql/stats/add_stats.sql reads them.
pub(super) fn to_json(added: &[Stats]) -> String {
    serde_json::Value::from_iter(added.iter().map(Stats::to_json)).to_string()
}

impl Stats {
    fn to_json(&self) -> serde_json::Value {
        let mut value = json!(self.counts);
        value["kind"] = self.kind.as_str().into();
        value["name"] = self.name.as_str().into();
        value["wait"] = self.wait.to_sql().into();
        value["run"] = self.run.to_sql().into();
        value
    }
}
