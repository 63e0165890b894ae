//! Which jobs the list shows, as the address says it. An empty field of the form is no condition.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::dashboard::parts::pages::PAGE;
use crate::store::jobs::{JobCursor, JobFilter, JobStatus, StateFilter};

/// How far to look back for finished jobs. The first is the default.
pub(super) const SPANS: [(&str, Duration); 3] = [
    ("24h", Duration::from_secs(24 * 3600)),
    ("1h", Duration::from_secs(3600)),
    ("7d", Duration::from_secs(7 * 24 * 3600)),
];

/// The fields of the form, as texts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct Wanted {
    pub(super) state: String,
    pub(super) task: String,
    pub(super) queue: String,
    pub(super) key: String,
    pub(super) flag: String,
    pub(super) worker: String,
    pub(super) error: String,
    pub(super) since: String,
    pub(super) id: String,
    pub(super) before: String,
}

impl Wanted {
    /// The filter of one page.
    pub(super) fn filter(&self, now: DateTime<Utc>) -> Result<JobFilter, Failure> {
        let mut filter = self.conditions()?;
        if self.is_about_finished()? {
            let ago = chrono::TimeDelta::from_std(self.span()?.1).unwrap_or_default();
            filter.changed_since = Some(now - ago);
        }
        filter.limit = PAGE;
        Ok(filter)
    }

    /// The conditions alone.
    pub(in crate::dashboard) fn conditions(&self) -> Result<JobFilter, Failure> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut filter = JobFilter::new();
        filter.state = self.state_filter()?;
        (filter.task, filter.queue, filter.key) = (text(&self.task), text(&self.queue), text(&self.key));
        (filter.flag, filter.error) = (text(&self.flag), text(&self.error));
        filter.worker_id = number("worker", self.worker.trim())?;
        Ok(filter)
    }

    fn state_filter(&self) -> Result<StateFilter, Failure> {
        let known = self.state.parse().ok().filter(|filter| *filter != StateFilter::All);
        known.ok_or_else(|| {
            let states = JobStatus::ALL.map(JobStatus::as_str).join(", ");
            Failure::Invalid(format!("state must be one of {states}"))
        })
    }

    /// Whether it admits finished jobs, which are in the history.
    pub(in crate::dashboard) fn is_about_finished(&self) -> Result<bool, Failure> {
        let finished = [JobStatus::Succeeded, JobStatus::Cancelled].map(StateFilter::Is);
        Ok(finished.contains(&self.state_filter()?))
    }

    /// How far to look back for finished jobs.
    pub(super) fn span(&self) -> Result<(&'static str, Duration), Failure> {
        let since = if self.since.is_empty() { SPANS[0].0 } else { &self.since };
        let known = SPANS.into_iter().find(|(name, _)| *name == since);
        known.ok_or_else(|| {
            Failure::Invalid(format!("since must be one of {}", SPANS.map(|(name, _)| name).join(", ")))
        })
    }

    /// Where the page begins.
    pub(super) fn cursor(&self) -> Result<Option<JobCursor>, Failure> {
        let before = Some(&self.before).filter(|before| !before.is_empty());
        before.map(|before| before.parse().map_err(Failure::Invalid)).transpose()
    }

    /// The id, if one job is asked for.
    pub(super) fn id(&self) -> Result<Option<i64>, Failure> {
        number("id", self.id.trim())
    }

    /// The fields of the form beside the state, with their labels.
    pub(super) fn fields(&self) -> [(&'static str, &'static str, &str); 6] {
        [
            ("task", "Task", &self.task),
            ("queue", "Queue", &self.queue),
            ("key", "Key", &self.key),
            ("flag", "Flag", &self.flag),
            ("worker", "Worker", &self.worker),
            ("error", "Last error has", &self.error),
        ]
    }

    /// Whether there is any condition beside the state.
    pub(super) fn is_narrow(&self) -> bool {
        self.fields().iter().any(|(_, _, text)| !text.is_empty())
    }

    /// The same conditions with another state, from the first page on.
    pub(super) fn with_state(&self, state: &str) -> String {
        self.address("jobs", &[("state", state), ("since", &self.since)])
    }

    /// The same conditions, looking back so far.
    pub(super) fn with_since(&self, since: &str) -> String {
        self.address("jobs", &[("state", &self.state), ("since", since)])
    }

    /// The same conditions, from this place on.
    pub(super) fn from(&self, before: &str) -> String {
        self.address("jobs", &[("state", &self.state), ("since", &self.since), ("before", before)])
    }

    /// The address of the list.
    pub(in crate::dashboard) fn listed(&self) -> String {
        self.from("")
    }

    /// The address of an act on all jobs that meet the conditions.
    pub(in crate::dashboard) fn acted_on(&self, path: &str, act: &str) -> String {
        self.address(path, &[("act", act), ("state", &self.state)])
    }

    fn address(&self, path: &str, first: &[(&str, &str)]) -> String {
        let fields = self.fields().map(|(name, _, value)| (name, value));
        link(path, &[first, &fields[..]].concat())
    }
}

/// Reads a number of a field; an empty one is none.
pub(in crate::dashboard) fn number<N: std::str::FromStr>(
    field: &str,
    text: &str,
) -> Result<Option<N>, Failure> {
    let number = Some(text).filter(|text| !text.is_empty()).map(str::parse).transpose();
    number.map_err(|_| Failure::Invalid(format!("{field} must be an integer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_is_no_condition_and_a_wrong_one_is_refused() {
        let now = DateTime::UNIX_EPOCH;
        let none = Wanted::default().filter(now).unwrap();
        assert_eq!((none.state, none.task, none.changed_since), (StateFilter::Stored, None, None));
        assert_eq!(none.limit, PAGE);
        let some = Wanted { state: "dead".into(), task: "a".into(), before: "7".into(), ..Wanted::default() };
        assert_eq!(some.filter(now).unwrap().state, JobStatus::Dead.into());
        assert_eq!(some.cursor().unwrap(), Some(JobCursor::Job(7)));
        assert_eq!(some.from("9"), "jobs?state=dead&before=9&task=a");
        assert_eq!(some.with_state(""), "jobs?task=a");
        let finished = Wanted { state: "succeeded".into(), since: "1h".into(), ..Wanted::default() };
        let since = finished.filter(now).unwrap().changed_since.unwrap();
        assert_eq!((now - since).num_minutes(), 60);
        for wrong in [
            Wanted { state: "gone".into(), ..Wanted::default() },
            Wanted { state: "all".into(), ..Wanted::default() },
            Wanted { worker: "x".into(), ..Wanted::default() },
            Wanted { state: "succeeded".into(), since: "9y".into(), ..Wanted::default() },
        ] {
            assert!(matches!(wrong.filter(now), Err(Failure::Invalid(_))), "{wrong:?}");
        }
        assert!(matches!(
            Wanted { before: "x".into(), ..Wanted::default() }.cursor(),
            Err(Failure::Invalid(_))
        ));
        assert!(matches!(Wanted { id: "7x".into(), ..Wanted::default() }.id(), Err(Failure::Invalid(_))));
        assert_eq!(Wanted { id: " 7 ".into(), ..Wanted::default() }.id().unwrap(), Some(7));
    }
}
