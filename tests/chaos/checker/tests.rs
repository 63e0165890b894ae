//! The checker finds what is planted in a record, and nothing in a clean one. Plain functions: this target has a `main` of its own.

mod lags;
mod recoveries;
mod rescues;

use std::process::ExitCode;
use std::time::Duration;

use super::facts::{Effect, Facts, Job};
use super::figures::Figure;
use super::laws::{Law, check};
use super::timeline::Timeline;
use crate::clock::Moment;
use crate::record::{End, Entry, Start, Stored, What};
use crate::workload::{Kind, THREE};

type Test = (&'static str, fn());

pub const TESTS: [Test; 23] = [
    ("a_clean_record_passes", a_clean_record_passes),
    ("a_planted_loss_is_found", a_planted_loss_is_found),
    ("a_refused_job_that_runs_is_found", a_refused_job_that_runs_is_found),
    ("a_planted_double_run_is_found", a_planted_double_run_is_found),
    ("a_run_after_the_death_of_the_first_is_no_double_run", a_run_after_the_death_of_the_first),
    ("a_paused_process_runs_nothing_until_it_executes", a_paused_process_runs_nothing),
    ("a_paused_process_that_goes_on_is_found", a_paused_process_that_goes_on_is_found),
    ("a_planted_broken_limit_is_found", a_planted_broken_limit_is_found),
    ("a_queue_at_its_limit_passes", a_queue_at_its_limit_passes),
    ("a_planted_pair_of_one_key_is_found", a_planted_pair_of_one_key_is_found),
    ("a_planted_double_effect_is_found", a_planted_double_effect_is_found),
    ("a_missing_effect_is_found", a_missing_effect_is_found),
    ("a_planted_double_fire_is_found", a_planted_double_fire_is_found),
    ("a_job_that_does_not_end_is_found", a_job_that_does_not_end_is_found),
    ("a_job_that_died_is_found", a_job_that_died_is_found),
    ("a_success_that_no_one_has_seen_is_found", a_success_without_an_end_is_found),
    ("a_quantity_that_grows_is_found", a_quantity_that_grows_is_found),
    ("a_loss_within_a_lag_is_explained", lags::a_loss_within_a_lag_is_explained),
    ("a_claim_within_a_lag_may_be_made_again", lags::a_claim_within_a_lag_may_be_made_again),
    (
        "a_job_that_runs_again_after_its_success_is_found",
        lags::a_job_that_runs_again_after_its_success_is_found,
    ),
    ("the_rescue_of_a_suspect_is_not_measured", rescues::the_rescue_of_a_suspect_is_not_measured),
    ("a_fault_that_follows_soon_does_not_count", recoveries::a_fault_that_follows_soon_does_not_count),
    ("recovery_times_are_those_of_the_record", recoveries::recovery_times_are_those_of_the_record),
];

/// A record in the making. Times are seconds.
#[derive(Default)]
struct Story {
    entries: Vec<Entry>,
    facts: Facts,
}

const ONE: u32 = 1;
const TWO: u32 = 2;

fn at(seconds: f64) -> Moment {
    Moment(0).plus(Duration::from_secs_f64(seconds))
}

impl Story {
    fn write(mut self, seconds: f64, pid: u32, what: What) -> Self {
        self.entries.push(Entry(at(seconds), pid, what));
        self.entries.sort_by_key(|entry| entry.0);
        self
    }

    /// A job that was asked for and acknowledged, and stands so at the end.
    fn job(mut self, job: i64, kind: Kind, state: &str) -> Self {
        self.facts.jobs.insert(job, Job { id: job, state: state.into(), error: String::new() });
        let asked = What::Asked { token: token(job), kind, key: None };
        self.write(0.1, ONE, asked).write(0.2, ONE, What::Stored { token: token(job), job })
    }

    fn starts(self, seconds: f64, pid: u32, job: i64, kind: Kind) -> Self {
        let names = |name: &str| Some(name.to_owned());
        let start = Start {
            run: job as u64,
            job,
            attempt: 1,
            kind,
            token: token(job),
            queue: match kind {
                Kind::One => names("one"),
                Kind::Three => names(THREE),
                _ => None,
            },
            key: (kind == Kind::Keyed).then(|| "k".into()),
            fire: (kind == Kind::Cron).then(|| "noon".into()),
        };
        self.write(seconds, pid, What::Started(start))
    }

    fn ends(self, seconds: f64, pid: u32, job: i64) -> Self {
        self.write(seconds, pid, What::Ended { run: job as u64, end: End::Succeeded })
    }

    fn effect(mut self, job: i64) -> Self {
        self.facts.effects.push(Effect { job });
        self
    }

    fn broken(&self) -> Vec<Law> {
        let found = check(&Timeline::of(&self.entries), &self.facts);
        found.into_iter().map(|violation| violation.law).collect()
    }

    fn measure(&self, figure: Figure) -> Vec<f64> {
        figure.measure(&Timeline::of(&self.entries))
    }
}

fn token(job: i64) -> String {
    format!("token {job}")
}

fn one_job(kind: Kind) -> Story {
    Story::default().job(1, kind, "succeeded").starts(1.0, ONE, 1, kind).ends(3.0, ONE, 1)
}

fn a_clean_record_passes() {
    let kinds = [Kind::Plain, Kind::Keyed, Kind::One, Kind::Three, Kind::Long, Kind::Cron];
    for kind in kinds {
        assert_eq!(one_job(kind).broken(), [], "{kind:?}");
    }
    assert_eq!(one_job(Kind::Booked).effect(1).broken(), []);
}

fn a_planted_loss_is_found() {
    let mut story = Story::default().job(1, Kind::Plain, "ready");
    story.facts.jobs.clear();
    assert_eq!(story.broken(), [Law::NothingLost]);
    let mut without_history = one_job(Kind::Plain);
    without_history.facts.jobs.clear();
    assert_eq!(without_history.broken(), [], "it has succeeded");
}

fn a_refused_job_that_runs_is_found() {
    let refused = |stored| {
        let mut story = one_job(Kind::Plain);
        story.entries.retain(|entry| !matches!(entry.2, What::Stored { .. }));
        story.write(0.2, ONE, What::Refused { token: token(1), stored, why: "no connection".into() }).broken()
    };
    assert_eq!(refused(Stored::No), [Law::RefusedIsRefused]);
    assert_eq!(refused(Stored::Unknown), []);
}

fn a_planted_double_run_is_found() {
    let story = one_job(Kind::Plain).starts(2.9, TWO, 1, Kind::Plain).ends(4.0, TWO, 1);
    assert_eq!(story.broken(), [Law::NeverBesideItself]);
    let story = one_job(Kind::Plain).starts(3.1, TWO, 1, Kind::Plain).ends(4.0, TWO, 1);
    assert_eq!(story.broken(), []);
    assert_eq!(story.measure(Figure::Repeated), [1.0]);
}

/// Job 1 starts in a process to which this happens, and runs from 6 to 7 in another one.
fn taken_over(kind: Kind, happens: impl Fn(Story) -> Story) -> Story {
    let story = Story::default().job(1, kind, "succeeded").starts(1.0, ONE, 1, kind);
    happens(story).starts(6.0, TWO, 1, kind).ends(7.0, TWO, 1)
}

fn a_run_after_the_death_of_the_first() {
    let story = taken_over(Kind::One, |story| story.write(2.0, 9, What::Killed { pid: ONE }));
    assert_eq!(story.broken(), []);
    assert_eq!(story.measure(Figure::Rescue), [4.0]);
    let dropped_late = taken_over(Kind::One, |story| story.write(6.5, ONE, What::Dropped { run: 1 }));
    assert_eq!(dropped_late.broken(), [Law::NeverBesideItself, Law::LimitHolds]);
}

fn paused(story: Story) -> Story {
    story.write(2.0, 9, What::Paused { pid: ONE }).write(6.4, 9, What::Resumed { pid: ONE })
}

fn a_paused_process_runs_nothing() {
    let story = taken_over(Kind::One, |story| paused(story).write(6.5, ONE, What::Dropped { run: 1 }));
    assert_eq!(story.broken(), []);
    assert_eq!(story.measure(Figure::Rescue), [4.0]);
}

fn a_paused_process_that_goes_on_is_found() {
    let executes = taken_over(Kind::Plain, |story| {
        paused(story).write(6.5, ONE, What::Alive { run: 1 }).write(6.6, ONE, What::Dropped { run: 1 })
    });
    assert_eq!(executes.broken(), [Law::NeverBesideItself]);
    let ends = taken_over(Kind::Plain, |story| paused(story).ends(6.5, ONE, 1));
    assert_eq!(ends.broken(), [Law::NeverBesideItself]);
}

/// So many jobs of a kind, each started and ended a tenth of a second after the one before it.
fn several(kind: Kind, jobs: i64) -> Story {
    let tenths = |job: i64| job as f64 / 10.0;
    (1..=jobs).fold(Story::default(), |story, job| {
        let story = story.job(job, kind, "succeeded").starts(1.0 + tenths(job), ONE, job, kind);
        story.ends(3.0 + tenths(job), ONE, job)
    })
}

fn a_planted_broken_limit_is_found() {
    assert_eq!(several(Kind::One, 2).broken(), [Law::LimitHolds]);
    assert_eq!(several(Kind::Three, 4).broken(), [Law::LimitHolds]);
    assert_eq!(several(Kind::Limited, 3).broken(), [Law::LimitHolds]);
}

fn a_queue_at_its_limit_passes() {
    assert_eq!(several(Kind::Three, 3).broken(), []);
    assert_eq!(several(Kind::Limited, 2).broken(), []);
    let next = one_job(Kind::One).job(2, Kind::One, "succeeded").starts(3.001, TWO, 2, Kind::One);
    assert_eq!(next.ends(4.0, TWO, 2).broken(), []);
}

fn a_planted_pair_of_one_key_is_found() {
    assert_eq!(several(Kind::Keyed, 2).broken(), [Law::OneOfAKey]);
    assert_eq!(several(Kind::Plain, 2).broken(), []);
}

fn a_planted_double_effect_is_found() {
    assert_eq!(one_job(Kind::Booked).effect(1).effect(1).broken(), [Law::EffectOnce]);
}

fn a_missing_effect_is_found() {
    assert_eq!(one_job(Kind::Booked).broken(), [Law::EffectOnce]);
    let mut undone = one_job(Kind::Booked).effect(1);
    undone.facts.jobs.get_mut(&1).expect("the job").state = "cancelled".into();
    assert_eq!(undone.broken(), [Law::EffectOnce]);
}

fn a_planted_double_fire_is_found() {
    assert_eq!(several(Kind::Cron, 2).broken(), [Law::FireOnce]);
    let mut stored = one_job(Kind::Plain);
    stored.facts.double_fires.push("everysec noon".into());
    assert_eq!(stored.broken(), [Law::FireOnce]);
}

fn a_job_that_does_not_end_is_found() {
    for state in ["scheduled", "parked", "ready", "running"] {
        let story = Story::default().job(1, Kind::Plain, state);
        assert_eq!(story.broken(), [Law::EveryJobEnds], "{state}");
    }
}

fn a_job_that_died_is_found() {
    assert_eq!(Story::default().job(1, Kind::Plain, "dead").broken(), [Law::NobodyDies]);
    assert_eq!(Story::default().job(1, Kind::Panicking, "dead").broken(), []);
}

fn a_success_without_an_end_is_found() {
    assert_eq!(Story::default().job(1, Kind::Plain, "succeeded").broken(), [Law::SuccessIsReal]);
    let mut failed = one_job(Kind::Plain);
    failed.entries.retain(|entry| !matches!(entry.2, What::Ended { .. }));
    assert_eq!(failed.broken(), [Law::SuccessIsReal]);
}

fn a_quantity_that_grows_is_found() {
    let sampled = |step: u64| {
        let samples = (0..40)
            .map(|number| What::Sample { quantity: "threads of one".into(), value: 10 + number * step });
        samples.fold(Story::default(), |story, sample| story.write(1.0, ONE, sample)).measure(Figure::Growth)
    };
    assert_eq!(sampled(0), [0.0]);
    assert_eq!(sampled(1), [1.0]);
}

/// Runs the tests whose names hold one of the words, or all where there is none, and prints what the usual harness prints.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let tests = TESTS.iter().filter(|(name, _)| wanted(name));
    let mut failed = 0;
    for (name, test) in tests {
        let passed = std::panic::catch_unwind(test).is_ok();
        println!("test checker::{name} ... {}", if passed { "ok" } else { "FAILED" });
        failed += u32::from(!passed);
    }
    println!("test result: {}. {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
