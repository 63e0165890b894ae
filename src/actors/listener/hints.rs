//! Reads notifications. Any role of the database can send one, so each is a hint from a stranger: it is read strictly, and what
//! is not understood is left to the polls. A batch is brought together first, so that a flood costs one look.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Wake;
use crate::event::Event;
use crate::store::admit::lower;
use crate::store::claim::Position;
use crate::store::moment::readable;

// A queue's name has 1 to 128 characters.
const LONGEST_NAME: usize = 128;
// More queues than a pass admits from are found in the index of parked jobs.
const MAX_QUEUES: usize = 1_000;

/// What a batch of notifications asks for.
#[derive(Debug, Default)]
pub(super) struct Hints {
    looks: BTreeSet<Look>,
    ready: Option<Position>,
    parked: BTreeMap<String, Position>,
    /// Tasks with a limit over all processes of which jobs have ended.
    freed: BTreeSet<String>,
    /// Queues that were paused or resumed, in order.
    pub(super) events: Vec<Event>,
}

/// What to look at, whatever else is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    Everything,
    Flagged,
    DueSoon,
    /// Jobs have ended for which others may wait.
    ParentsEnded,
    /// Stored schedules have changed.
    Schedules,
    /// Running jobs of this worker were cancelled.
    Cancellations,
}

/// Who reads: a process ignores the hints that it sent itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) origin: &'a str,
    pub(super) worker_id: i32,
}

impl Hints {
    /// Reads one more notification. The formats are described in the SQL function mainspring.wake.
    pub(super) fn read(&mut self, payload: &str, reader: Reader<'_>) {
        let (kind, rest) = payload.split_once(' ').unwrap_or((payload, ""));
        match kind {
            "schedules" => self.look(Look::Schedules),
            "waits" if rest.is_empty() => self.look(Look::ParentsEnded),
            "cancel" if rest.parse() == Ok(reader.worker_id) => self.look(Look::Cancellations),
            "paused" if is_name(rest) => self.event(Event::QueuePaused { queue: rest.to_owned() }),
            "resumed" if is_name(rest) => self.event(Event::QueueResumed { queue: rest.to_owned() }),
            "tasks" | "soon" | "flagged" if rest == reader.origin || rest.contains(' ') => {}
            "tasks" => self.look(Look::Everything),
            "soon" => self.look(Look::DueSoon),
            "flagged" => self.look(Look::Flagged),
            "job" | "queue" | "queues" => self.read_jobs(kind, rest, reader),
            "slot" => self.read_slot(rest, reader),
            _ => {}
        }
    }

    fn look(&mut self, look: Look) {
        self.looks.insert(look);
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < MAX_QUEUES {
            self.events.push(event);
        }
    }

    fn read_jobs(&mut self, kind: &str, rest: &str, reader: Reader<'_>) {
        let mut words = rest.splitn(4, ' ');
        if words.next().is_none_or(|origin| origin == reader.origin) {
            return;
        }
        let Some(position) = position(words.next(), words.next()) else { return };
        match (kind, words.next()) {
            ("job", None) => self.ready = lower(self.ready, Some(position)),
            ("queue", Some(queue)) => self.parked(queue.to_owned(), position),
            ("queues", Some(names)) => {
                let names: Vec<String> = serde_json::from_str(names).unwrap_or_default();
                names.into_iter().for_each(|queue| self.parked(queue, position));
            }
            // Too many to be named.
            ("queues", None) => self.look(Look::Everything),
            _ => {}
        }
    }

    fn read_slot(&mut self, rest: &str, reader: Reader<'_>) {
        let Some((origin, task)) = rest.split_once(' ') else { return };
        if origin != reader.origin && is_name(task) && self.freed.len() < MAX_QUEUES {
            self.freed.insert(task.to_owned());
        }
    }

    fn parked(&mut self, queue: String, from: Position) {
        if !is_name(&queue) || self.looks.contains(&Look::Everything) {
            return;
        }
        let first = self.parked.entry(queue).or_insert(from);
        *first = from.min(*first);
        if self.parked.len() > MAX_QUEUES {
            self.parked.clear();
            self.look(Look::Everything);
        }
    }

    /// Whether to look at this.
    pub(super) fn asks_for(&self, look: Look) -> bool {
        self.looks.contains(&look)
    }

    /// What the QueueActor is woken for.
    pub(super) fn wakes(self) -> Vec<Wake> {
        let look = |look: &Look| match look {
            Look::Everything => Some(Wake::Everything),
            Look::Flagged => Some(Wake::Flagged),
            Look::DueSoon => Some(Wake::DueSoon),
            Look::ParentsEnded => Some(Wake::ParentsEnded),
            Look::Schedules | Look::Cancellations => None,
        };
        let parked = self.parked.into_iter().map(|(queue, from)| Wake::Parked(queue, Some(from)));
        let looks = self.looks.iter().filter_map(look);
        let freed = self.freed.into_iter().map(Wake::TaskSlotFreed);
        looks.chain(self.ready.map(Wake::Ready)).chain(parked).chain(freed).collect()
    }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().take(LONGEST_NAME + 1).count())
}

// A position goes back to the database, so its time is one that both can represent.
fn position(priority: Option<&str>, millis: Option<&str>) -> Option<Position> {
    let millis: i64 = millis?.parse().ok()?;
    let turn_at = readable(millis.saturating_mul(1_000));
    Some(Position { priority: priority?.parse().ok()?, turn_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: Reader<'_> = Reader { origin: "7", worker_id: 5 };

    fn read(payloads: &[&str]) -> Hints {
        let mut hints = Hints::default();
        payloads.iter().for_each(|payload| hints.read(payload, READER));
        hints
    }

    fn wakes(payloads: &[&str]) -> Vec<String> {
        read(payloads).wakes().iter().map(|wake| format!("{wake:?}")).collect()
    }

    #[test]
    fn known_words_wake_and_own_ones_are_ignored() {
        for own in
            ["job 7 0 1000", "soon 7", "flagged 7", "tasks 7", "queue 7 0 0 a", "queues 7 0 0", "slot 7 a"]
        {
            assert_eq!(wakes(&[own]), [""; 0], "{own}");
        }
        assert!(
            wakes(&["job 8 -3 1000"])[0]
                .starts_with("Ready(Position { priority: -3, turn_at: 1970-01-01T00:00:01Z")
        );
        assert!(
            wakes(&["queue - 0 1000 a queue with spaces"])[0]
                .starts_with("Parked(\"a queue with spaces\", Some(Position {")
        );
        let several = wakes(&[r#"queues 8 0 1000 ["a","b c"]"#]);
        assert!(
            several[0].starts_with("Parked(\"a\", Some(") && several[1].starts_with("Parked(\"b c\", Some(")
        );
        assert_eq!(wakes(&["soon 8"]), ["DueSoon"]);
        assert_eq!(wakes(&["slot 8 a task"]), ["TaskSlotFreed(\"a task\")"]);
        assert_eq!(wakes(&["flagged 8"]), ["Flagged"]);
        assert_eq!(wakes(&["waits", "waits"]), ["ParentsEnded"]);
        assert_eq!(wakes(&["tasks 8"]), ["Everything"]);
        assert_eq!(wakes(&["queues 8 0 1000"]), ["Everything"]);
        let hints = read(&["schedules", "cancel 5", "paused a b", "resumed c"]);
        assert!(hints.asks_for(Look::Schedules) && hints.asks_for(Look::Cancellations));
        assert!(
            matches!(&hints.events[..], [Event::QueuePaused { queue }, Event::QueueResumed { .. }] if queue == "a b")
        );
    }

    #[test]
    fn what_is_not_understood_does_nothing() {
        let long = "x".repeat(129);
        for strange in [
            "",
            "job",
            "job 8",
            "job 8 x y",
            "job 8 0 1000 more",
            "job 8 99999 0",
            "job 8 0 99999999999999999999",
            "queue 8 0 0",
            "queue 8 0 0 ",
            "queues 8 0 1000 x",
            "queues 8 0 1000 {}",
            "tasks 8 more",
            "waits 8",
            "cancel 6",
            "cancel x",
            "slot 8",
            "slot 8 ",
            &format!("slot 8 {long}"),
            "paused ",
            &format!("queue - 0 0 {long}"),
            &format!("paused {long}"),
            &format!(r#"queues - 0 0 ["{long}"]"#),
            "anything else at all, of any length",
        ] {
            let hints = read(&[strange]);
            assert!(hints.looks.is_empty() && hints.events.is_empty(), "{strange}");
            assert!(hints.wakes().is_empty(), "{strange}");
        }
    }

    #[test]
    fn a_flood_is_brought_together() {
        let names: Vec<String> = (0..5_000).map(|n| format!("queue - 0 0 forged {n}")).collect();
        assert_eq!(wakes(&names.iter().map(String::as_str).collect::<Vec<_>>()), ["Everything"]);
        assert_eq!(wakes(&["job 8 0 5", "job 8 1 5", "job 8 0 4", "soon 8", "soon 9"]).len(), 2);
        let pauses: Vec<String> = (0..5_000).map(|n| format!("paused {n}")).collect();
        assert_eq!(read(&pauses.iter().map(String::as_str).collect::<Vec<_>>()).events.len(), MAX_QUEUES);
    }

    #[test]
    fn a_position_stays_within_what_the_database_reads() {
        let hints = wakes(&["job - 0 -8334601228800000", "queue - 0 9223372036854775807 a"]);
        assert!(hints[0].contains("turn_at: 0001-01-01T00:00:00Z"), "{}", hints[0]);
        assert!(hints[1].contains("turn_at: 9999-12-31T23:59:59.999999Z"), "{}", hints[1]);
    }
}
