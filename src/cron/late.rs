//! The schedules whose fires this process could not make, and when it tries each again. Each waits for itself. Knows no clock and
//! no database: the caller passes the time and what it has found.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
// A delay that is shorter is not worth a log line: a transaction that is about to end held a lock.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// A schedule whose fire is late.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Why, as it was found last.
    pub(crate) reason: String,
    since: Instant,
    retry_at: Instant,
    pause: Duration,
    report: Report,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    Open,
    Logged,
}

/// All of them, by their ids.
#[derive(Debug, Default)]
pub(crate) struct LateSchedules(BTreeMap<i64, Late>);

impl LateSchedules {
    /// Records a try that failed. The next one follows after a pause that doubles each time.
    pub(crate) fn failed(&mut self, id: i64, name: &str, reason: &str, now: Instant) {
        // With many of them, the tries of all together stay as rare.
        let longest = LONGEST_PAUSE * u32::try_from(self.0.len() / 10 + 1).unwrap_or(u32::MAX).min(60);
        let late = self.0.entry(id).or_insert_with(|| Late {
            id,
            name: name.to_owned(),
            reason: String::new(),
            since: now,
            retry_at: now,
            pause: FIRST_PAUSE,
            report: Report::Open,
        });
        reason.clone_into(&mut late.reason);
        late.retry_at = now + late.pause;
        late.pause = (late.pause * 2).min(longest);
    }

    /// Records that a schedule is still held, as it was found before.
    pub(crate) fn still_held(&mut self, id: i64, now: Instant) {
        if let Some(Late { name, reason, .. }) = self.0.get(&id).cloned() {
            self.failed(id, &name, &reason, now);
        }
    }

    /// Forgets a schedule that is late no more. Returns it if its delay was logged.
    pub(crate) fn ended(&mut self, id: i64) -> Option<Late> {
        self.0.remove(&id).filter(|late| late.report == Report::Logged)
    }

    /// Returns those that are late for long enough to be logged, each once.
    pub(crate) fn news(&mut self, now: Instant) -> Vec<Late> {
        let is_news = |late: &&mut Late| late.report == Report::Open && now - late.since >= WORTH_A_LINE;
        let news = self.0.values_mut().filter(is_news).map(|late| {
            late.report = Report::Logged;
            late.clone()
        });
        news.collect()
    }

    /// Returns all ids.
    pub(crate) fn ids(&self) -> Vec<i64> {
        self.0.keys().copied().collect()
    }

    /// Returns the ids of at most `most` whose next try is due, the longest waiting first.
    pub(crate) fn due(&self, now: Instant, most: usize) -> Vec<i64> {
        let mut due: Vec<_> = self.0.iter().filter(|(_, late)| late.retry_at <= now).collect();
        due.sort_by_key(|(_, late)| late.retry_at);
        due.into_iter().take(most).map(|(id, _)| *id).collect()
    }

    /// Returns how long it is until the next try of any.
    pub(crate) fn until_next(&self, now: Instant) -> Option<Duration> {
        self.0.values().map(|late| late.retry_at.saturating_duration_since(now)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_tried_again_after_its_own_pause_and_logged_once() {
        let (mut late, begin) = (LateSchedules::default(), Instant::now());
        late.failed(1, "a", "a lock", begin);
        late.failed(2, "b", "a lock", begin);
        assert_eq!((late.due(begin, 9), late.until_next(begin)), (vec![], Some(FIRST_PAUSE)));
        late.failed(1, "a", "a lock", begin + FIRST_PAUSE);
        assert_eq!(late.due(begin + FIRST_PAUSE, 9), [2]);
        assert!(late.news(begin + FIRST_PAUSE).is_empty(), "a short delay is no news");
        assert_eq!(late.news(begin + WORTH_A_LINE).len(), 2);
        assert!(late.news(begin + WORTH_A_LINE * 2).is_empty());
        assert_eq!(late.ended(1).map(|late| late.name), Some("a".to_owned()));
        assert_eq!((late.ended(1).is_none(), late.ids()), (true, vec![2]));
    }

    #[test]
    fn the_pause_grows_to_a_second_and_with_the_number_of_late_ones() {
        let (mut late, now) = (LateSchedules::default(), Instant::now());
        (0..20).for_each(|_| late.failed(1, "a", "a lock", now));
        assert_eq!(late.until_next(now), Some(LONGEST_PAUSE));
        (0..100).for_each(|id| late.failed(id, "b", "a lock", now));
        (0..20).for_each(|_| late.failed(1, "a", "a lock", now));
        assert_eq!(late.0[&1].retry_at - now, LONGEST_PAUSE * 11);
    }
}
