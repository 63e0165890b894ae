//! The text, read by a parser of the format: the numbers that were counted, and labels that mean what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use nom_openmetrics::parser::prometheus as parse;

use super::*;
use crate::probe::Reason;
use crate::run_summary::Ending;
use crate::telemetry::{Happened, Telemetry};

const WELL: Health = Health { reasons: Vec::new() };

/// Every sample of the text by its name and labels.
type Samples = BTreeMap<(String, Vec<(String, String)>), f64>;

fn samples(text: &str) -> Samples {
    let families = match parse(text) {
        Ok(("", families)) => families,
        other => panic!("{other:?} in {text}"),
    };
    let mut found = Samples::new();
    for sample in families.iter().flat_map(|family| &family.samples) {
        let mut labels: Vec<_> =
            sample.labels().iter().map(|label| (label.name.to_owned(), label.value.clone())).collect();
        labels.sort();
        let before = found.insert((sample.name().to_owned(), labels), sample.number());
        assert_eq!(before, None, "{} stands there twice", sample.name());
    }
    found
}

fn shown(telemetry: &Telemetry) -> Samples {
    samples(&prometheus::text(&figures(&telemetry.each(), None, &WELL)))
}

fn value(samples: &Samples, name: &str, labels: &[(&str, &str)]) -> f64 {
    let mut labels: Vec<_> = labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    labels.sort();
    *samples.get(&(name.to_owned(), labels)).unwrap_or_else(|| panic!("no {name} in {samples:?}"))
}

fn telemetry(tasks: &[&str], queues: &[&str]) -> Telemetry {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Telemetry::new(&owned(tasks), &owned(queues))
}

fn count(telemetry: &Telemetry, task: &str, queue: Option<&str>, happened: Happened) {
    telemetry.count(telemetry.place(task, queue), happened);
}

#[test]
fn what_was_counted_is_shown_from_zero_on() {
    let telemetry = telemetry(&["mail"], &["tenant:*"]);
    let before = shown(&telemetry);
    assert_eq!(value(&before, "mainspring_outcomes_total", &[("task", "mail"), ("outcome", "dead")]), 0.0);
    for millis in [1, 30, 30, 4_000] {
        count(&telemetry, "mail", Some("tenant:7"), Happened::Enqueued);
        count(&telemetry, "mail", None, Happened::Started { wait: Duration::from_millis(millis) });
        let ended = Happened::Ended { how: Ending::Dead, run: Duration::from_millis(millis) };
        count(&telemetry, "mail", None, ended);
    }
    let after = shown(&telemetry);
    assert_eq!(value(&after, "mainspring_jobs_enqueued_total", &[("task", "mail")]), 4.0);
    assert_eq!(value(&after, "mainspring_queue_jobs_enqueued_total", &[("queue", "tenant:*")]), 4.0);
    assert_eq!(value(&after, "mainspring_outcomes_total", &[("task", "mail"), ("outcome", "dead")]), 4.0);
    assert_eq!(value(&after, "mainspring_run_seconds_count", &[("task", "mail")]), 4.0);
    let sum = value(&after, "mainspring_run_seconds_sum", &[("task", "mail")]);
    assert!((sum / 4.061 - 1.0).abs() < 0.1, "{sum}");
    let keys = |samples: &Samples| samples.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&before), keys(&after), "a counter that appears late loses its first increase");
}

#[test]
fn buckets_grow_to_the_count_and_hold_what_is_below_them() {
    let telemetry = telemetry(&["mail"], &[]);
    let mut random = fastrand::Rng::with_seed(3);
    let mut waits = Vec::new();
    for _ in 0..2_000 {
        let wait = Duration::from_secs_f64(2_f64.powf(random.f64() * 30.0 - 14.0));
        waits.push(wait.as_secs_f64());
        count(&telemetry, "mail", None, Happened::Started { wait });
    }
    let shown = shown(&telemetry);
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for ((name, labels), number) in &shown {
        if name == "mainspring_wait_seconds_bucket" && labels.iter().any(|(_, value)| value == "mail") {
            let bound = labels.iter().find(|(name, _)| name == "le").unwrap().1.replace("+Inf", "inf");
            buckets.push((bound.parse().unwrap(), *number));
        }
    }
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert_eq!(buckets.len(), 26);
    for (bound, number) in &buckets {
        let expected = waits.iter().filter(|wait| **wait < *bound).count();
        assert_eq!(*number, expected as f64, "up to {bound}");
    }
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, 2_000.0)));
}

#[test]
fn hostile_names_are_read_back_as_they_are() {
    let names = [
        "new\nline",
        "quo\"te",
        "back\\slash",
        "\\n",
        "comma,=}{",
        "_OTHER",
        "käse\u{7f}\r",
        "a\\",
        "# HELP",
    ];
    let telemetry = telemetry(&names, &names);
    for name in names {
        count(&telemetry, name, Some(name), Happened::Enqueued);
    }
    count(&telemetry, "unknown", None, Happened::Enqueued);
    let shown = shown(&telemetry);
    for name in names {
        let expected = if name == OTHERS { 2.0 } else { 1.0 };
        assert_eq!(value(&shown, "mainspring_jobs_enqueued_total", &[("task", name)]), expected);
        assert_eq!(value(&shown, "mainspring_queue_jobs_enqueued_total", &[("queue", name)]), 1.0);
    }
}

#[test]
fn thousands_of_tasks_have_a_hundred_labels() {
    let names: Vec<String> = (0..3_000).map(|n| format!("task {n:04}")).collect();
    let telemetry = Telemetry::new(&names, &[]);
    names.iter().for_each(|name| count(&telemetry, name, None, Happened::Enqueued));
    (0..3_000).for_each(|n| count(&telemetry, &format!("unknown {n}"), None, Happened::Enqueued));
    let shown = shown(&telemetry);
    let tasks: BTreeSet<_> =
        shown.keys().flat_map(|(_, labels)| labels).filter(|label| label.0 == "task").collect();
    assert_eq!(tasks.len(), 101);
    assert_eq!(value(&shown, "mainspring_jobs_enqueued_total", &[("task", OTHERS)]), 5_900.0);
}

#[test]
fn every_name_has_its_help_type_and_unit() {
    let telemetry = telemetry(&["mail"], &["q"]);
    let text = prometheus::text(&figures(&telemetry.each(), None, &WELL));
    for figure in figures(&telemetry.each(), None, &WELL) {
        let names::Export { name, shape, .. } = figure.export;
        let shape = format!("{shape:?}").to_lowercase();
        assert_eq!(text.matches(&format!("# HELP {name} ")).count(), 1);
        assert_eq!(text.matches(&format!("# TYPE {name} {shape}\n")).count(), 1);
        assert_eq!(name.ends_with("_total"), shape == "counter", "{name}");
        assert!(shape != "histogram" || name.ends_with("_seconds"), "{name}");
    }
}

#[test]
fn a_process_that_is_not_well_is_not_ready() {
    let unwell = Health { reasons: vec![Reason::DatabaseUnreachable { seconds: None }] };
    for (health, ready) in [(WELL, 1.0), (unwell, 0.0)] {
        let text = prometheus::text(&figures(&[], None, &health));
        assert_eq!(value(&samples(&text), "mainspring_ready", &[]), ready);
    }
}

#[test]
fn the_page_lists_what_the_program_exports() {
    let page = include_str!("../../docs/guide/observability.md");
    let rows: BTreeSet<&str> = page.lines().filter(|line| line.starts_with("| `mainspring_")).collect();
    let expected = names::all().into_iter().map(|export| {
        let labels: Vec<_> = export.labels.iter().map(|label| format!("`{label}`")).collect();
        let (names::Facade::Messaging(facade, _) | names::Facade::Own(facade)) = export.facade;
        let (name, shape, labels) =
            (export.name, format!("{:?}", export.shape).to_lowercase(), labels.join(", "));
        format!("| `{name}` | {shape} | {labels} | `{facade}` | {} |", export.help)
    });
    let expected: BTreeSet<String> = expected.collect();
    assert_eq!(rows, expected.iter().map(String::as_str).collect());
}

/// What a recorder of the application has by the end, by name and labels.
fn recorded(record: impl FnOnce()) -> BTreeMap<String, DebugValue> {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, record);
    let found = snapshotter.snapshot().into_vec().into_iter().map(|(key, unit, help, value)| {
        assert!(unit.is_some() && help.is_some(), "{key:?}");
        let mut labels: Vec<_> =
            key.key().labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        labels.sort();
        (format!("{} {}", key.key().name(), labels.join(" ")), value)
    });
    found.collect()
}

#[test]
fn a_recorder_gets_each_change_once() {
    let telemetry = telemetry(&["mail"], &["q"]);
    let gauges: Gauges = serde_json::from_value(serde_json::json!({
        "sampled_at": "2026-11-29T09:00:00Z", "workers": 3, "lost_workers": 1, "dead_rows": 7,
        "horizon_seconds": 2.5, "horizon_transactions": 9, "parked": [], "oldest_ready": [],
        "jobs": [{"state": "ready", "task": "mail", "jobs": 4, "measured": "exact"}],
    }))
    .unwrap();
    let found = recorded(|| {
        for _ in 0..3 {
            count(&telemetry, "mail", Some("q"), Happened::Enqueued);
            let ended = Happened::Ended { how: Ending::Failed, run: Duration::from_millis(20) };
            count(&telemetry, "mail", None, ended);
            facade::record(&figures(&telemetry.news(), Some(&gauges), &WELL));
        }
    });
    let of = |key: &str| found.get(key).unwrap_or_else(|| panic!("no {key} in {found:?}"));
    let messaging = "messaging.destination.name=mail messaging.operation.name";
    let sent = format!("messaging.client.sent.messages {messaging}=enqueue messaging.system=mainspring");
    assert_eq!(*of(&sent), DebugValue::Counter(3));
    assert_eq!(*of("mainspring.outcomes outcome=failed task=mail"), DebugValue::Counter(3));
    assert_eq!(*of("mainspring.queue.jobs.enqueued queue=q"), DebugValue::Counter(3));
    assert_eq!(*of("mainspring.jobs state=ready task=mail"), DebugValue::Gauge(4.0.into()));
    assert_eq!(*of("mainspring.workers state=lost"), DebugValue::Gauge(1.0.into()));
    let DebugValue::Histogram(runs) =
        of(&format!("messaging.process.duration {messaging}=process messaging.system=mainspring"))
    else {
        panic!("{found:?}")
    };
    assert_eq!(runs.len(), 3);
    assert!(runs.iter().all(|run| (0.018..0.022).contains(&run.into_inner())), "{runs:?}");
}
