use std::sync::Arc;
use std::time::Duration;

use super::errors::FailedEnd;
use super::*;
use crate::histogram::Histogram;
use crate::lifecycle::Outcome;

fn telemetry() -> Telemetry {
    let (tasks, queues) =
        (["mail".to_owned(), "*".to_owned()], ["tenant:*", "tenant:7:*", "slow"].map(str::to_owned));
    Telemetry::new(&tasks, &queues)
}

fn found(stats: &[Stats], kind: Kind, name: &str) -> Counts {
    let of = stats.iter().find(|stats| stats.kind == kind && stats.name == name);
    of.map(|stats| stats.counts).unwrap_or_default()
}

fn count(telemetry: &Telemetry, task: &str, queue: Option<&str>, happened: Happened) {
    telemetry.count(telemetry.place(task, queue), happened);
}

#[test]
fn jobs_count_under_their_task_and_the_longest_name_of_their_queue() {
    let telemetry = telemetry();
    let queues = [None, Some("tenant:7"), Some("tenant:7:x"), Some("slow"), Some("slower"), Some("tenant")];
    queues.iter().for_each(|queue| count(&telemetry, "mail", *queue, Happened::Enqueued));
    count(&telemetry, "hostile-1", None, Happened::Enqueued);
    count(&telemetry, "*", None, Happened::Enqueued);
    let stats = telemetry.now();
    let tasks = ["mail", "*", Stats::OTHERS].map(|name| found(&stats, Kind::Task, name).enqueued);
    assert_eq!(tasks, [6, 1, 1]);
    let queues = ["tenant:*", "tenant:7:*", "slow", Stats::OTHERS]
        .map(|name| found(&stats, Kind::Queue, name).enqueued);
    assert_eq!(queues, [1, 1, 1, 2]);
    assert_eq!(stats.len(), 7);
}

#[test]
fn hostile_names_make_no_series() {
    let telemetry = telemetry();
    for n in 0..1_000 {
        count(&telemetry, &format!("task {n}"), Some(&format!("queue {n}")), Happened::Enqueued);
    }
    assert_eq!(telemetry.now().len(), 2);
}

#[test]
fn queues_are_counted_only_where_asked_for() {
    let telemetry = Telemetry::new(&["mail".to_owned()], &[]);
    count(&telemetry, "mail", Some("slow"), Happened::Enqueued);
    assert!(telemetry.now().iter().all(|stats| stats.kind == Kind::Task));
}

fn stored(telemetry: &Telemetry) -> Vec<Stats> {
    let mut stored = Vec::new();
    let add = |added: &[Stats], _: &[CountedErrors]| {
        stored = added.to_vec();
        Ok::<_, ()>(())
    };
    telemetry.store(add).unwrap().unwrap();
    stored
}

#[test]
fn a_change_is_stored_once_and_what_was_not_stored_comes_again() {
    let telemetry = telemetry();
    let started = Happened::Started { wait: Duration::from_millis(3) };
    assert!(!telemetry.has_changed() && stored(&telemetry).is_empty());
    count(&telemetry, "mail", None, started);
    let away = Err("the database is away");
    assert_eq!(telemetry.store(|_, _| away), Some(Err::<(), _>("the database is away")));
    count(&telemetry, "mail", None, started);
    // What happens while it is stored belongs to the next change.
    let add = |added: &[Stats], _: &[CountedErrors]| {
        assert_eq!((added[0].counts.started, added[0].wait.count()), (2, 2));
        count(&telemetry, "mail", None, Happened::Lost);
        Ok::<_, ()>(())
    };
    telemetry.store(add).unwrap().unwrap();
    let next = stored(&telemetry);
    assert_eq!(
        (next[0].counts, &next[0].wait),
        (Counts { lost: 1, ..Counts::default() }, &Histogram::default())
    );
    assert!(!telemetry.has_changed() && stored(&telemetry).is_empty());
}

#[test]
fn threads_that_store_at_once_store_nothing_twice() {
    let (telemetry, total) = (telemetry(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    count(&telemetry, "mail", None, Happened::Enqueued);
                    let add = |added: &[Stats], _: &[CountedErrors]| {
                        let enqueued: u64 = added.iter().map(|stats| stats.counts.enqueued).sum();
                        total.fetch_add(enqueued, Ordering::Relaxed);
                        Ok::<_, ()>(())
                    };
                    telemetry.store(add).unwrap().unwrap();
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 800);
}

#[test]
fn a_rescue_counts_what_became_of_the_job() {
    let telemetry = telemetry();
    for left in [Left::Waiting, Left::Gone, Left::Dead, Left::SetApart] {
        count(&telemetry, "mail", None, Happened::Rescued(left));
    }
    let expected = Counts { rescued: 4, dead: 2, cancelled: 1, ..Counts::default() };
    assert_eq!(found(&telemetry.now(), Kind::Task, "mail"), expected);
}

#[test]
fn a_job_that_had_not_started_has_no_end() {
    assert_eq!(Happened::ended(&Outcome::Untouched, Left::Waiting, Duration::ZERO), None);
}

fn failure(error: &str) -> Failed {
    Failed { job_id: 7, attempt: Some(1), error: error.into(), end: FailedEnd::Retried }
}

#[test]
fn errors_are_stored_with_the_numbers_that_they_agree_with() {
    let telemetry = Arc::new(telemetry());
    let place = telemetry.place("mail", None);
    let happened = Happened::Ended { how: Ending::Failed, run: Duration::ZERO };
    let failing: Vec<_> = (0..4)
        .map(|_| {
            let telemetry = Arc::clone(&telemetry);
            std::thread::spawn(move || {
                (0..500).for_each(|n| telemetry.count_failed(place, happened, failure(&format!("no {n}"))));
            })
        })
        .collect();
    let stored = |total: &mut u64, is_away: bool| {
        let add = |stats: &[Stats], errors: &[CountedErrors]| {
            let counted: u64 = errors.iter().map(|errors| errors.failed).sum();
            assert_eq!(found(stats, Kind::Task, "mail").failed, counted);
            if is_away {
                return Err("the database is away");
            }
            *total += counted;
            Ok(())
        };
        let _ = telemetry.store(add);
    };
    let mut total = 0;
    (0..200).for_each(|n| stored(&mut total, n % 3 == 0));
    failing.into_iter().for_each(|thread| thread.join().unwrap());
    stored(&mut total, false);
    assert_eq!((total, telemetry.has_changed()), (2_000, false));
}
