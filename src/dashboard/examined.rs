//! What the doctor found last. The parts of an examination are read one at a time, so that no reading of a screen pays for all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::cache::{ERRORS_LAST, Last};
use crate::error::SchedulerError;
use crate::store::doctor::{Finding, Part, Report};

/// How long the findings of a part stand. What is kept apart by `Moment` changes by itself; the others change by deploys and by hand.
const fn lasts(part: Part) -> Duration {
    match part {
        Part::Moment => Duration::from_secs(30),
        Part::Server | Part::Definitions => Duration::from_secs(600),
    }
}

type Parts = [Last<Report>; Part::ALL.len()];

/// The last findings of all parts.
pub(super) struct Examined(Mutex<Parts>);

/// What is known.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) findings: Vec<Finding>,
    /// What no reading has examined yet.
    pub(super) left: Vec<Part>,
}

impl Examined {
    pub(super) fn new() -> Self {
        Self(Mutex::new([const { None }; Part::ALL.len()]))
    }

    /// Examines one part if one is due, and returns what is known then. Others wait meanwhile.
    pub(super) async fn read<F>(&self, examine: impl FnOnce(Part) -> F) -> Result<Known, Arc<SchedulerError>>
    where
        F: Future<Output = Result<Report, SchedulerError>>,
    {
        let mut parts = self.0.lock().await;
        if let Some(due) = most_due(&parts, Instant::now()) {
            let found = examine(Part::ALL[due]).await.map(Arc::new).map_err(Arc::new);
            parts[due] = Some((Instant::now(), found));
        }
        let mut known = Known { findings: Vec::new(), left: Vec::new() };
        for (part, read) in Part::ALL.into_iter().zip(&*parts) {
            match read {
                None => known.left.push(part),
                Some((_, Ok(report))) => known.findings.extend(report.findings.iter().cloned()),
                Some((_, Err(error))) => return Err(Arc::clone(error)),
            }
        }
        Ok(known)
    }
}

// The part that has been due for longest; the first one that was never read before all others.
fn most_due(parts: &Parts, now: Instant) -> Option<usize> {
    let overdue = |index: usize| match &parts[index] {
        None => Some(Duration::MAX),
        Some((at, read)) => {
            let lasts = if read.is_ok() { lasts(Part::ALL[index]) } else { ERRORS_LAST };
            now.saturating_duration_since(*at).checked_sub(lasts)
        }
    };
    let due = (0..parts.len()).filter_map(|index| Some((overdue(index)?, index)));
    due.max_by_key(|(overdue, index)| (*overdue, std::cmp::Reverse(*index))).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_reading_examines_one_part_until_all_are_known() {
        let examined = Examined::new();
        let mut order = Vec::new();
        for left in [2, 1, 0, 0] {
            let known = examined.read(async |part| {
                order.push(part);
                Ok(Report::default())
            });
            assert_eq!(known.await.unwrap().left.len(), left);
        }
        assert_eq!(order, Part::ALL);
    }

    #[tokio::test]
    async fn a_part_that_cannot_be_read_is_an_error_and_is_tried_again() {
        let examined = Examined::new();
        assert!(examined.read(async |_| Err(SchedulerError::Stopped)).await.is_err());
        assert!(examined.read(async |_| Ok(Report::default())).await.is_err(), "the first one stands");
        let mut parts = examined.0.lock().await;
        parts[0] = Some((Instant::now() - ERRORS_LAST, Err(Arc::new(SchedulerError::Stopped))));
        parts[2] = Some((Instant::now(), Ok(Arc::default())));
        assert_eq!(most_due(&parts, Instant::now()), Some(0));
    }

    #[test]
    fn the_part_that_is_overdue_for_longest_comes_first() {
        let begin = Instant::now();
        let read = |at: u64| Some((begin + Duration::from_secs(at), Ok(Arc::new(Report::default()))));
        let parts = [read(0), read(0), read(5)];
        let due = |seconds| most_due(&parts, begin + Duration::from_secs(seconds));
        assert_eq!([due(29), due(31), due(601)], [None, Some(0), Some(0)]);
        let parts = [read(590), read(0), read(5)];
        let due = |seconds| most_due(&parts, begin + Duration::from_secs(seconds));
        assert_eq!([due(599), due(606), due(622)], [None, Some(1), Some(1)]);
    }
}
