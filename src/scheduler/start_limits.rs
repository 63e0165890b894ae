//! Limits that a program brings along: they are in the database before its first job starts, unless a person has set others.

use crate::error::StoreError;
use crate::store::Session;
use crate::store::queues::{self, QueueSettings, TaskLimit};
use crate::text::one_line;

/// One limit that a start sets.
#[derive(Debug, Clone)]
pub(super) enum StartLimit {
    Queue(String, QueueSettings),
    Family(String, QueueSettings),
    Task(&'static str, TaskLimit),
}

/// Sets the limits, and logs which of them were changed.
pub(super) fn set(conn: &mut Session<'_>, limits: &[StartLimit]) -> Result<(), StoreError> {
    for limit in limits {
        let (name, is_changed) = match limit {
            StartLimit::Queue(name, settings) => {
                (name.as_str(), queues::set_if_absent(conn, name, settings)?)
            }
            StartLimit::Family(name, settings) => {
                (name.as_str(), queues::set_family_if_absent(conn, name, settings)?)
            }
            StartLimit::Task(name, limit) => (*name, queues::set_task_limit_if_absent(conn, name, limit)?),
        };
        if is_changed {
            log::info!("the limits of `{}` are set as this program has them", one_line(name));
        }
    }
    Ok(())
}
