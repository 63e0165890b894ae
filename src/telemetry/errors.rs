//! Counts errors by what they have in common, from one store to the next. Knows nothing of attempts that do not fail.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::summary::summary;
use crate::store::errors::{CountedErrors, Sample};

/// How many groups are counted between two stores. The errors of all others are counted together.
const MAX_GROUPS: usize = 50;

/// The errors that are not stored yet.
#[derive(Debug, Default)]
pub(super) struct Errors {
    /// By task and summary. Both are empty for those that have no group.
    groups: HashMap<(String, String), CountedErrors>,
}

/// An attempt that failed, or a job that has died with its worker.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) job_id: i64,
    /// `None` where it is not known.
    pub(crate) attempt: Option<i16>,
    pub(crate) error: String,
    pub(crate) end: FailedEnd,
}

/// What became of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedEnd {
    /// Another attempt follows, by itself or after a release.
    Retried,
    Dead,
}

impl Errors {
    pub(super) fn add(&mut self, task: &str, failed: Failed) {
        let Failed { job_id, attempt, error, end } = failed;
        let (retried, dead) = match end {
            FailedEnd::Retried => (1, 0),
            FailedEnd::Dead => (0, 1),
        };
        let summary = summary(&error);
        let sample = Some(Sample { job_id, attempt, error });
        self.merge(CountedErrors { task: task.to_owned(), summary, failed: retried, dead, sample });
    }

    /// Takes what is counted.
    pub(super) fn take(&mut self) -> Vec<CountedErrors> {
        std::mem::take(&mut self.groups).into_values().collect()
    }

    /// Returns what could not be stored.
    pub(super) fn put_back(&mut self, counted: Vec<CountedErrors>) {
        counted.into_iter().for_each(|errors| self.merge(errors));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn is_full(&self) -> bool {
        self.groups.values().filter(|group| !group.is_of_others()).count() >= MAX_GROUPS
    }

    fn merge(&mut self, errors: CountedErrors) {
        let key = (errors.task.clone(), errors.summary.clone());
        if !errors.is_of_others() && !self.groups.contains_key(&key) && self.is_full() {
            return self.merge(CountedErrors::of_others(errors.failed, errors.dead));
        }
        match self.groups.entry(key) {
            Entry::Occupied(mut group) => {
                group.get_mut().failed += errors.failed;
                group.get_mut().dead += errors.dead;
            }
            Entry::Vacant(place) => drop(place.insert(errors)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(error: &str, end: FailedEnd) -> Failed {
        Failed { job_id: 7, attempt: Some(1), error: error.into(), end }
    }

    fn total(counted: &[CountedErrors]) -> (u64, u64) {
        counted.iter().fold((0, 0), |(failed, dead), one| (failed + one.failed, dead + one.dead))
    }

    #[test]
    fn errors_of_one_kind_are_one_group_with_the_first_as_its_sample() {
        let mut errors = Errors::default();
        for n in 0..10 {
            errors.add("mail", failed(&format!("order {n} not found"), FailedEnd::Retried));
        }
        errors.add("mail", failed("order 11 not found", FailedEnd::Dead));
        errors.add("other", failed("order 11 not found", FailedEnd::Dead));
        let mut counted = errors.take();
        counted.sort_by(|one, other| one.task.cmp(&other.task));
        assert_eq!(counted.len(), 2);
        assert_eq!(
            (counted[0].summary.as_str(), counted[0].failed, counted[0].dead),
            ("order # not found", 10, 1)
        );
        assert_eq!(counted[0].sample.as_ref().unwrap().error, "order 0 not found");
        assert!(errors.is_empty());
    }

    #[test]
    fn beyond_the_bound_errors_are_counted_together() {
        let mut errors = Errors::default();
        let letters = |n: u32| char::from_u32('a' as u32 + n).unwrap();
        for n in 0..676 {
            let error = format!("{}{} broke", letters(n / 26), letters(n % 26));
            errors.add("mail", failed(&error, FailedEnd::Retried));
        }
        let counted = errors.take();
        assert_eq!((counted.len(), total(&counted)), (MAX_GROUPS + 1, (676, 0)));
        let others = counted.iter().find(|one| one.is_of_others()).unwrap();
        assert_eq!((others.failed, &others.sample), (676 - MAX_GROUPS as u64, &None));
        errors.add("mail", failed("new", FailedEnd::Dead));
        errors.put_back(counted);
        let again = errors.take();
        assert_eq!((again.len(), total(&again)), (MAX_GROUPS + 1, (676, 1)));
    }
}
