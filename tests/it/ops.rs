//! What is in ops/ fits the program: the panels of the dashboards, and the alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use diesel::connection::SimpleConnection;
use mainspring::Scheduler;
use nom_openmetrics::parser::prometheus as parse;
use serde_json::Value;

use crate::roles::Role;
use crate::support::database::TestDatabase;
use crate::support::jobs::{act, behave};
use crate::support::rows::count;
use crate::support::waiting::{until, until_at_least};

mod live;
mod prometheus;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The texts under that key, of each panel's targets, with the title of the panel.
fn queries(dashboard: &str, key: &str) -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&read(dashboard)).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            found.push((
                panel["title"].as_str().unwrap().to_owned(),
                target[key].as_str().unwrap().to_owned(),
            ));
        }
    }
    assert!(found.len() >= 9, "{found:?}");
    found
}

fn values_of(rules: &str, key: &str) -> Vec<String> {
    let lines = rules.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    lines.map(|value| value.trim_matches('\'').to_owned()).collect()
}

#[tokio::test]
async fn queries_of_the_dashboard_for_postgresql_need_rights_to_read_only() {
    let database = TestDatabase::new();
    let conn = &mut database.connection();
    conn.batch_execute(
        "SELECT mainspring.set_queue('held', 1), mainspring.add_job('unknown'); \
         SELECT mainspring.pause_queue('held'), mainspring.add_job('act', queue => 'held')",
    )
    .unwrap();
    let scheduler = Scheduler::builder(database.url()).handler(behave).start().await.unwrap();
    scheduler.enqueue(act("succeed")).await.unwrap();
    until(&database, "mainspring.history WHERE outcome = 'succeeded'", 1).await;
    until_at_least(&database, "mainspring.stats WHERE succeeded > 0", 1).await;
    // Rates leave out the minute that is not over.
    conn.batch_execute("UPDATE mainspring.stats SET begins_at = begins_at - interval '1 minute'").unwrap();
    let role = Role::granted(&database, "read");
    let conn = &mut role.connection();
    for (title, query) in queries("ops/grafana/postgresql.json", "rawSql") {
        // What Grafana puts in.
        let query = query.replace("$__timeFilter(begins_at)", "begins_at >= now() - interval '1 hour'");
        let rows = count(conn, &format!("({query}) AS panel"));
        assert!(rows > 0 || title == "Schedules that do not fire", "{title}: {query}");
    }
    scheduler.stop().await;
}

/// The labels of each name that a process exports.
type Exported = BTreeMap<String, BTreeSet<String>>;

async fn exported() -> Exported {
    let database = TestDatabase::new();
    database.connection().batch_execute("SELECT mainspring.add_job('unknown')").unwrap();
    let builder = Scheduler::builder(database.url()).handler(behave).count_queues(["mails"]);
    let scheduler = builder.start().await.unwrap();
    crate::gauges::known(&scheduler).await;
    let text = scheduler.prometheus();
    scheduler.stop().await;
    let mut exported = Exported::new();
    for sample in parse(&text).unwrap().1.iter().flat_map(|family| &family.samples) {
        let labels = sample.labels().iter().map(|label| label.name.to_owned());
        exported.entry(sample.name().to_owned()).or_default().extend(labels);
    }
    exported
}

/// What an expression asks for that is not exported. It knows as much of the language as our expressions use.
fn strange(expression: &str, exported: &Exported) -> Vec<String> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let (mut strange, mut labels, mut rest) =
        (Vec::new(), BTreeSet::from(["instance".to_owned()]), expression);
    while let Some(at) = rest.find("mainspring_") {
        rest = &rest[at..];
        let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = &rest[end..];
        let Some(known) = exported.get(name) else {
            strange.push(name.to_owned());
            continue;
        };
        labels.extend(known.iter().cloned());
        let matchers =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |found| found.0);
        for matcher in matchers.split(',').filter(|matcher| !matcher.is_empty()) {
            let label = matcher.trim().split(|character| !is_word(character)).next().unwrap_or_default();
            if !known.contains(label) {
                strange.push(format!("{name}{{{label}}}"));
            }
        }
    }
    for group in expression.split("by (").skip(1) {
        let names = group.split_once(')').map_or(group, |found| found.0).split(',').map(str::trim);
        strange.extend(names.filter(|name| !labels.contains(*name)).map(|name| format!("by ({name})")));
    }
    strange
}

#[tokio::test]
async fn panels_and_alerts_ask_for_what_is_exported() {
    let exported = exported().await;
    let rules = read("ops/alerts.yml");
    let mut expressions = queries("ops/grafana/prometheus.json", "expr");
    let alerts = values_of(&rules, "expr");
    assert_eq!(alerts.len(), rules.matches("- alert: ").count());
    expressions.extend(alerts.into_iter().map(|expression| ("an alert".to_owned(), expression)));
    for (title, expression) in expressions {
        assert!(expression.contains("mainspring_"), "{title}: {expression}");
        assert_eq!(strange(&expression, &exported), Vec::<String>::new(), "{title}: {expression}");
    }
    let wrong = "sum by (task, color) (rate(mainspring_outcomes_total{result=\"dead\",outcome=\"x\"}[5m])) / mainspring_nothing";
    let found = strange(wrong, &exported);
    assert_eq!(found, ["mainspring_outcomes_total{result}", "mainspring_nothing", "by (color)"]);
}

#[test]
fn each_alert_links_to_a_heading_that_exists() {
    let rules = read("ops/alerts.yml");
    let links = values_of(&rules, "runbook_url");
    assert_eq!(links.len(), rules.matches("- alert: ").count());
    for link in links {
        let path = link.strip_prefix(concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/")).unwrap();
        let (page, anchor) = path.split_once('#').unwrap();
        let headings = read(page);
        let mut anchors = headings.lines().filter(|line| line.starts_with('#')).map(|line| {
            line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(['\'', '`', ','], "")
        });
        assert!(anchors.any(|found| found == anchor), "{link}");
    }
}

#[test]
fn each_alert_is_tested_with_its_fault_and_without() {
    let (rules, tests) = (read("ops/alerts.yml"), read("ops/alerts_test.yml"));
    let alerts = values_of(&rules, "- alert");
    let cases: Vec<(&str, bool)> = tests
        .split("- alertname: ")
        .skip(1)
        .map(|case| (case.lines().next().unwrap(), case.contains("exp_alerts: []")))
        .collect();
    assert!(alerts.len() >= 8, "{alerts:?}");
    for alert in alerts {
        for is_silent in [true, false] {
            assert!(cases.contains(&(alert.as_str(), is_silent)), "{alert}, silent: {is_silent}");
        }
    }
}
