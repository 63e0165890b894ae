//! Tasks that have no handler in this process, and what is known of them: which to look up, and what is news. Plain state, no
//! database.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long the result of a look holds.
const HOLDS_FOR: Duration = Duration::from_secs(60);
// Names come from callers. Beyond this number all are forgotten.
const MOST_NAMES: usize = 1_000;

/// Whether a living worker knows a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Knowledge {
    Unclear,
    Known,
    Unknown,
}

/// The tasks of jobs that were added here without a handler.
#[derive(Debug, Default)]
pub(crate) struct ForeignTasks(HashMap<String, (Instant, Knowledge)>);

/// What a look has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Tasks that no living worker knows, each reported once.
    pub(crate) unknown: Vec<String>,
    /// Tasks that were reported, and that a worker knows by now.
    pub(crate) known: Vec<String>,
}

impl ForeignTasks {
    /// Returns those of the tasks that are to be looked up now, each once. They count as looked up.
    pub(crate) fn due<'a>(&mut self, tasks: impl Iterator<Item = &'a str>, now: Instant) -> Vec<String> {
        let mut due = Vec::new();
        for task in tasks {
            let known = self.0.get_mut(task);
            if known.as_ref().is_some_and(|(at, _)| now.duration_since(*at) < HOLDS_FOR) {
                continue;
            }
            match known {
                Some((at, _)) => *at = now,
                None => self.add(task, now),
            }
            due.push(task.to_owned());
        }
        due
    }

    fn add(&mut self, task: &str, now: Instant) {
        if self.0.len() >= MOST_NAMES {
            self.0.clear();
        }
        self.0.insert(task.to_owned(), (now, Knowledge::Unclear));
    }

    /// Notes the result of a look, and returns what is new.
    pub(crate) fn looked(&mut self, tasks: Vec<String>, unknown: &[String]) -> News {
        let mut news = News::default();
        for task in tasks {
            let Some((_, knowledge)) = self.0.get_mut(&task) else { continue };
            let found = if unknown.contains(&task) { Knowledge::Unknown } else { Knowledge::Known };
            match (std::mem::replace(knowledge, found), found) {
                (Knowledge::Unclear | Knowledge::Known, Knowledge::Unknown) => news.unknown.push(task),
                (Knowledge::Unknown, Knowledge::Known) => news.known.push(task),
                _ => {}
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_looked_up_once_a_minute_and_reported_once() {
        let mut tasks = ForeignTasks::default();
        let begin = Instant::now();
        let mut look = |after: u64, unknown: &[&str]| {
            let now = begin + Duration::from_secs(after);
            let due = tasks.due(["a", "a", "b"].into_iter(), now);
            let unknown: Vec<String> = unknown.iter().map(ToString::to_string).collect();
            (due.join(" "), tasks.looked(due, &unknown))
        };
        let news = |unknown: &[&str], known: &[&str]| News {
            unknown: unknown.iter().map(ToString::to_string).collect(),
            known: known.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(look(0, &["a"]), ("a b".into(), news(&["a"], &[])));
        assert_eq!(look(59, &["a"]), (String::new(), News::default()));
        assert_eq!(look(60, &["a"]), ("a b".into(), News::default()));
        assert_eq!(look(120, &["b"]), ("a b".into(), news(&["b"], &["a"])));
        assert_eq!(look(180, &["a", "b"]), ("a b".into(), news(&["a"], &[])));
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let mut tasks = ForeignTasks::default();
        let names: Vec<String> = (0..5_000).map(|name| name.to_string()).collect();
        assert_eq!(tasks.due(names.iter().map(String::as_str), Instant::now()).len(), 5_000);
        assert!(tasks.0.len() <= MOST_NAMES);
    }
}
