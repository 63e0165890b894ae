//! Each line that is logged at warn or error has its entry in the runbook, and so has each reason of health.

use mainspring::health::Reason;
use serde_json::json;

use super::expect_none;
use super::files::{File, sources};

const RUNBOOK: &str = include_str!("../../../docs/RUNBOOK.md");

#[test]
fn each_warning_and_each_error_has_an_entry_in_the_runbook() {
    let files = sources().into_iter().filter(|file| !file.name.contains("tests"));
    let lines: Vec<Logged> = files.flat_map(|file| logged(&file)).collect();
    assert!(lines.len() > 40, "{}", lines.len());
    expect_none(lines.iter().filter(|line| !has_entry(line)).map(lacking).collect());
}

#[test]
fn a_line_without_an_entry_is_found() {
    let text = "fn a() {\n    log::warn!(\n        \"job {id} `{}` \\\n         is on fire: {why}\",\n        task\n    );\n\
        log::error!(\"{what}\");\nlog::info!(\"unknown\");\nlog_attempt!(Warn, job; \"is lost\");\n}\n";
    let lines = logged(&File::new("src/a.rs", text));
    assert_eq!((lines.len(), lines[0].level, lines[0].text.as_str()), (3, "warn", "is on fire"));
    assert!(!has_entry(&lines[0]), "{}", lacking(&lines[0]));
    let known = Logged { level: "warn", text: "everything is paused".into(), place: String::new() };
    assert!(has_entry(&known));
    assert!(!has_entry(&Logged { level: "error", ..known }), "the entry is a warning's");
}

#[test]
fn each_reason_of_health_has_an_entry_in_the_runbook_and_no_other_has() {
    // The error lists every reason that there is.
    let error = serde_json::from_value::<Reason>(json!({"code": "unknown"})).unwrap_err().to_string();
    let (_, codes) = error.split_once("expected one of ").unwrap();
    let codes: Vec<&str> = codes.split('`').skip(1).step_by(2).collect();
    assert!(codes.len() >= 15 && codes.contains(&"draining"), "{error}");
    let (_, section) = RUNBOOK.split_once("\n## Reasons of health\n").unwrap();
    let rows = section.split("\n## ").next().unwrap().lines().filter_map(|row| row.strip_prefix("| `"));
    let rows: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(rows, codes);
}

/// A line by the longest part of it that is the same each time.
struct Logged {
    level: &'static str,
    text: String,
    place: String,
}

fn lacking(line: &Logged) -> String {
    let Logged { level, text, place } = line;
    format!(
        "{place}: docs/RUNBOOK.md has no row that begins with `| {level} |` and contains `{text}`: \
         add one with what the line means and what to do"
    )
}

fn has_entry(line: &Logged) -> bool {
    let cell = format!("| {} |", line.level);
    RUNBOOK.lines().any(|row| row.starts_with(&cell) && row.contains(&line.text))
}

fn logged(file: &File) -> Vec<Logged> {
    let of = |level: &'static str, call: &'static str| {
        let places: Vec<usize> = file.text.match_indices(call).map(|(at, _)| at + call.len()).collect();
        places.into_iter().filter_map(move |at| {
            let line = file.text[..at].lines().count();
            let text = longest_part(&literal(&file.text[at..])?);
            Some(Logged { level, text, place: format!("{}:{line}", file.name) })
        })
    };
    let plain = of("warn", "log::warn!(").chain(of("error", "log::error!("));
    let of_attempts = of("warn", "log_attempt!(Warn,").chain(of("error", "log_attempt!(Error,"));
    plain.chain(of_attempts).collect()
}

// The text of the first string literal, as it is logged.
fn literal(call: &str) -> Option<String> {
    let start = call.find('"')? + 1;
    let mut text = String::new();
    let mut characters = call[start..].chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                '\n' => characters = characters.as_str().trim_start().chars(),
                escaped => text.push(escaped),
            },
            character => text.push(character),
        }
    }
}

fn longest_part(text: &str) -> String {
    let parts = text.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
    let trimmed = parts.map(|part| part.trim_matches([' ', '`', ':', ',', ';', '(', ')']));
    trimmed.max_by_key(|part| part.len()).unwrap_or_default().to_owned()
}
