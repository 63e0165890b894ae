//! How the jobs, queues and schedules of one tenant are named, so that no other tenant can reach them. No database.

use std::sync::Arc;

use serde_json::Value;

use crate::error::{Problem, StoreError};
use crate::job::queue_of_tenant;
use crate::schedule::ScheduleChanges;
use crate::store::like::is_like;

const LONGEST_NAME: usize = 64;
/// The characters that part names, and the one that stands for others.
const RESERVED: [char; 3] = [':', '/', '*'];

/// How the things of one tenant are named.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<str>);

impl Names {
    /// Refuses a name that could reach another tenant.
    pub(super) fn new(name: &str) -> Result<Self, StoreError> {
        let characters = name.chars().count();
        if !(1..=LONGEST_NAME).contains(&characters) {
            return Err(Problem::new("tenant", "must be 1 to 64 characters", characters).into());
        }
        if name.chars().any(|c| RESERVED.contains(&c) || c.is_control()) {
            let expected = "must hold no `:`, `/`, `*` or control character";
            return Err(Problem::new("tenant", expected, format_args!("`{name}`")).into());
        }
        Ok(Self(name.into()))
    }

    pub(super) fn tenant(&self) -> &str {
        &self.0
    }

    /// The tenant's queue for jobs of a task.
    pub(super) fn queue(&self, task: &str) -> String {
        queue_of_tenant(task, &self.0)
    }

    /// The pattern of all queues of the tenant.
    pub(super) fn queues(&self) -> String {
        self.queue("*")
    }

    /// The name of a schedule or key in the database.
    pub(super) fn stored(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    /// The name of a schedule or key as the tenant knows it.
    pub(super) fn shown(&self, stored: String) -> String {
        let prefix = self.stored("");
        stored.strip_prefix(&prefix).map(str::to_owned).unwrap_or(stored)
    }

    /// What a schedule's fields are in the database: its key is the tenant's, and its queue one of the tenant's. Without a queue it
    /// has that of the task, where the task is known.
    pub(super) fn fields(
        &self,
        mut fields: ScheduleChanges,
        task: Option<&str>,
    ) -> Result<ScheduleChanges, StoreError> {
        if let Some(Value::String(key)) = fields.get("key") {
            let key = self.stored(key);
            fields = fields.key(Some(&key));
        }
        match (fields.get("queue"), task) {
            (Some(Value::String(queue)), _) => check_queue(Some(queue), &self.queues())?,
            (_, Some(task)) => fields = fields.queue(Some(&self.queue(task))),
            (_, None) => {}
        }
        Ok(fields)
    }
}

/// Refuses a queue that is not like the pattern.
pub(super) fn check_queue(queue: Option<&str>, like: &str) -> Result<(), StoreError> {
    if queue.is_some_and(|queue| is_like(queue, like)) {
        return Ok(());
    }
    Err(Problem::new("queue", format!("must be like `{like}`"), queue.unwrap_or("none")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_reach_another_tenant_is_refused() {
        for (name, problem) in [
            ("", "tenant must be 1 to 64 characters, got 0"),
            ("a:b", "tenant must hold no `:`, `/`, `*` or control character, got `a:b`"),
            ("*", "tenant must hold no `:`, `/`, `*` or control character, got `*`"),
            ("a/", "tenant must hold no `:`, `/`, `*` or control character, got `a/`"),
        ] {
            assert_eq!(Names::new(name).unwrap_err().to_string(), problem);
        }
        assert!(Names::new(&"ä".repeat(65)).is_err());
        assert!(Names::new("a\0b").is_err());
        assert!(Names::new(&"ä".repeat(64)).is_ok());
    }

    #[test]
    fn queue_and_key_of_a_schedule_are_those_of_the_tenant() {
        let names = Names::new("50%_x").unwrap();
        let fields = |changes, task| names.fields(changes, task);
        let new = ScheduleChanges::new;
        assert_eq!(fields(new(), Some("t")).unwrap(), new().queue(Some("t:50%_x")));
        assert_eq!(fields(new().queue(None), Some("t")).unwrap(), new().queue(Some("t:50%_x")));
        assert_eq!(fields(new(), None).unwrap(), new(), "a change of other fields");
        assert_eq!(fields(new().key(Some("k")), None).unwrap(), new().key(Some("50%_x/k")));
        assert_eq!(fields(new().key(None), None).unwrap(), new().key(None));
        let own = new().queue(Some("slow:50%_x"));
        assert_eq!(fields(own.clone(), Some("t")).unwrap(), own);
        for foreign in ["t:other", "50%_x", "t:50%_x:y", "t:50yyx", ""] {
            assert!(fields(new().queue(Some(foreign)), Some("t")).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_name_is_shown_without_the_prefix_once() {
        let names = Names::new("acme").unwrap();
        for name in ["weekly", "acme/weekly", "", "a/b"] {
            assert_eq!(names.shown(names.stored(name)), name);
        }
    }
}
