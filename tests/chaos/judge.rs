//! Plays a scenario, has its record checked, and prints the line of the table.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::checker::{self, Facts, Figure, Reply, Timeline, Violation, described};
use crate::scenarios::{Outcomes, Scenario};
use crate::stage::Stage;
use crate::trouble::{Outcome, Trouble};

/// How many cases of one run are printed.
const CASES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// Every promise held, and the figure is above its bar.
    Late,
    /// A promise was broken, or the scenario could not be played.
    Fail,
    Skip,
}

/// A line of the table.
pub struct Line {
    pub scenario: &'static str,
    pub seed: u64,
    pub events: String,
    pub violations: Vec<Violation>,
    pub figure: String,
    pub bar: String,
    pub verdict: Verdict,
}

pub const HEAD: &str = "| scenario | seed | what happened | violations | figure | bar | verdict |\n|---|---|---|---|---|---|---|";

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, seed, events, figure, bar, verdict, .. } = self;
        let violations = self.violations.len();
        write!(f, "| {scenario} | {seed} | {events} | {violations} | {figure} | {bar} | {verdict:?} |")
    }
}

/// Plays it and prints its line. What a scenario that passes has left behind is removed.
pub fn judge(scenario: &Scenario, seed: u64, time: Duration) -> Verdict {
    let line = played(scenario, seed, time);
    println!("{line}");
    line.verdict
}

fn played(scenario: &Scenario, seed: u64, time: Duration) -> Line {
    let began = Instant::now();
    let folder = new_folder(&format!("{}-{seed}", scenario.name));
    let played = folder.and_then(|folder| {
        let done = play(scenario, &folder, seed, time);
        scenario.clean_up(&folder.join("server"));
        if matches!(done, Err(Trouble::Skip(_))) {
            drop(fs::remove_dir_all(&folder));
        }
        Ok((done?, folder))
    });
    let line = match played {
        Ok(((timeline, facts), folder)) => {
            let line = line(scenario, seed, &timeline, &facts);
            match line.verdict {
                Verdict::Fail | Verdict::Late => {
                    eprintln!("the records and logs are in {}", folder.display());
                }
                Verdict::Pass | Verdict::Skip => drop(fs::remove_dir_all(folder)),
            }
            line
        }
        Err(trouble) => unplayed(scenario, seed, &trouble),
    };
    for violation in line.violations.iter().take(CASES) {
        eprintln!("  {:?}: {}", violation.law, violation.case);
    }
    eprintln!("  {} took {:.0} s", scenario.name, began.elapsed().as_secs_f64());
    line
}

fn play(scenario: &Scenario, folder: &Path, seed: u64, time: Duration) -> Outcome<(Timeline, Facts)> {
    let mut stage = Stage::open(scenario, folder, seed, time)?;
    scenario.play(&mut stage)?;
    stage.close()
}

fn new_folder(name: &str) -> Outcome<PathBuf> {
    let folder = std::env::temp_dir().join(format!("mainspring-chaos-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn line(scenario: &Scenario, seed: u64, timeline: &Timeline, facts: &Facts) -> Line {
    let mut violations = checker::check(timeline, facts);
    if scenario.outcomes == Outcomes::Kept {
        violations.extend(checker::run_after_success(timeline));
    }
    let values = scenario.figure.measure(timeline);
    let value = scenario.figure.judged(&values);
    described(&timeline.samples).iter().for_each(|quantity| eprintln!("  {quantity}"));
    let verdict = match value {
        _ if !violations.is_empty() => Verdict::Fail,
        Some(value) if value <= scenario.bar => Verdict::Pass,
        Some(_) | None => Verdict::Late,
    };
    Line {
        scenario: scenario.name,
        seed,
        events: events(timeline, facts),
        violations,
        figure: figure(scenario.figure, &values),
        bar: format!("{}{}", scenario.bar, scenario.figure.unit()),
        verdict,
    }
}

fn figure(figure: Figure, values: &[f64]) -> String {
    let Some(value) = figure.judged(values) else { return format!("{}: none", figure.describe()) };
    let digits = if figure.unit().is_empty() { 0 } else { 2 };
    let median = values[values.len() / 2];
    let unit = figure.unit();
    let about = figure.describe();
    if values.len() > 1 {
        format!("{about}: {value:.digits$}{unit} (median {median:.digits$}{unit}, {} cases)", values.len())
    } else {
        format!("{about}: {value:.digits$}{unit}")
    }
}

fn events(timeline: &Timeline, facts: &Facts) -> String {
    let replies = || timeline.asks.values().filter_map(|ask| ask.reply.as_ref());
    let stored = replies().filter(|(_, reply)| matches!(reply, Reply::Stored(_))).count();
    let killed = timeline.processes.values().filter(|life| life.killed.is_some()).count();
    let counts = [
        (timeline.faults.len(), "faults"),
        (killed, "killed"),
        (stored, "stored"),
        (replies().count() - stored, "refused"),
        (timeline.attempts.len(), "attempts"),
        (checker::repeated(timeline), "run again"),
        (checker::spent(timeline), "lost an attempt"),
        (usize::try_from(facts.flood).unwrap_or_default(), "of the flood"),
        (timeline.samples.values().map(Vec::len).sum(), "samples"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

fn unplayed(scenario: &Scenario, seed: u64, trouble: &Trouble) -> Line {
    let (events, verdict) = match trouble {
        Trouble::Skip(why) => (why.clone(), Verdict::Skip),
        Trouble::Failed(why) => (why.replace(['\n', '|'], " "), Verdict::Fail),
    };
    let bar = format!("{}{}", scenario.bar, scenario.figure.unit());
    Line { scenario: scenario.name, seed, events, violations: Vec::new(), figure: "-".into(), bar, verdict }
}
