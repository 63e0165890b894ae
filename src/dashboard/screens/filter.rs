//! Which jobs the list shows, as the address says it. An empty field of the form is no condition.

use serde::Deserialize;

use crate::dashboard::failure::Failure;
use crate::dashboard::links::link;
use crate::lifecycle::JobState;
use crate::store::jobs::{JobFilter, StateFilter};

/// Jobs on a page.
pub(super) const PAGE: u32 = 50;

/// The fields of the form, as texts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    pub(super) state: String,
    pub(super) task: String,
    pub(super) queue: String,
    pub(super) key: String,
    pub(super) id: String,
    pub(super) after: String,
}

impl Wanted {
    /// The filter of one page, with a job more, which shows that there is a next one.
    pub(super) fn filter(&self) -> Result<JobFilter, Failure> {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut filter = JobFilter::new();
        filter.state = self.state()?;
        filter.task = text(&self.task);
        filter.queue = text(&self.queue);
        filter.key = text(&self.key);
        filter.after_id = id_of("after", &self.after)?;
        filter.limit = PAGE + 1;
        Ok(filter)
    }

    fn state(&self) -> Result<StateFilter, Failure> {
        if self.state.is_empty() {
            return Ok(StateFilter::Stored);
        }
        let known = JobState::ALL.into_iter().find(|state| state.as_str() == self.state);
        known.map(|state| StateFilter::Is(state.into())).ok_or_else(|| {
            let states = JobState::ALL.map(JobState::as_str).join(", ");
            Failure::Invalid(format!("state must be one of {states}"))
        })
    }

    /// The id, if one job is asked for.
    pub(super) fn id(&self) -> Result<Option<i64>, Failure> {
        id_of("id", self.id.trim())
    }

    /// Whether there is any condition beside the state.
    pub(super) fn is_narrow(&self) -> bool {
        [&self.task, &self.queue, &self.key].iter().any(|text| !text.is_empty())
    }

    /// The same conditions with another state, from the first page on.
    pub(super) fn with_state(&self, state: &str) -> String {
        self.address(state, "")
    }

    /// The same conditions, from behind this job on.
    pub(super) fn from(&self, after: &str) -> String {
        self.address(&self.state, after)
    }

    fn address(&self, state: &str, after: &str) -> String {
        let pairs = [
            ("state", state),
            ("task", &self.task),
            ("queue", &self.queue),
            ("key", &self.key),
            ("after", after),
        ];
        link("jobs", &pairs)
    }
}

pub(super) fn id_of(field: &str, text: &str) -> Result<Option<i64>, Failure> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Failure::Invalid(format!("{field} must be an integer")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_field_is_no_condition_and_a_wrong_one_is_refused() {
        let none = Wanted::default().filter().unwrap();
        assert_eq!((none.state, none.task, none.after_id), (StateFilter::Stored, None, None));
        assert_eq!(none.limit, PAGE + 1);
        let some = Wanted { state: "dead".into(), task: "a".into(), after: "7".into(), ..Wanted::default() };
        let filter = some.filter().unwrap();
        assert_eq!((filter.state, filter.after_id), (StateFilter::Is(JobState::Dead.into()), Some(7)));
        assert_eq!(some.from("9"), "jobs?state=dead&task=a&after=9");
        assert_eq!(some.with_state(""), "jobs?task=a");
        for wrong in [
            Wanted { state: "gone".into(), ..Wanted::default() },
            Wanted { after: "x".into(), ..Wanted::default() },
        ] {
            assert!(matches!(wrong.filter(), Err(Failure::Invalid(_))));
        }
        assert!(matches!(Wanted { id: "7x".into(), ..Wanted::default() }.id(), Err(Failure::Invalid(_))));
        assert_eq!(Wanted { id: " 7 ".into(), ..Wanted::default() }.id().unwrap(), Some(7));
    }
}
