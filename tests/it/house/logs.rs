//! A log line is one line: texts of users and of the server go through `one_line`.

use super::expect_none;
use super::files::{File, sources};

// Names of values that hold such texts.
const TEXTS: [&str; 8] =
    ["{error}", "{reason}", "{problem}", "{panic}", "{name}", "{identifier}", "{note}", "worker_name,"];

#[test]
fn no_log_line_shows_a_text_as_it_came() {
    let files = sources().into_iter().filter(|file| file.module() != "bin");
    expect_none(files.flat_map(|file| raw_texts(&file)).collect());
}

#[test]
fn a_raw_text_in_a_log_line_is_found() {
    let text = "log::error!(\n    \"it failed: {error}\"\n);\nformat!(\"{error}\");\nlog::info!(\"{}\", one_line(error));\n\
        log_attempt!(Warn, job; \"{panic}\");\n";
    assert_eq!(raw_texts(&File::new("src/a.rs", text)).len(), 2);
}

fn raw_texts(file: &File) -> Vec<String> {
    let calls = file.text.match_indices("log::").chain(file.text.match_indices("log_attempt!")).filter_map(
        |(start, _)| {
            let call = &file.text[start..];
            let call = &call[..call.find(");").unwrap_or(call.len())];
            call.split_once("!(").filter(|(name, _)| name.len() < 12).map(|(_, call)| (start, call))
        },
    );
    let raw = calls.flat_map(|(start, call)| {
        let line = file.text[..start].lines().count().max(1);
        TEXTS.iter().filter(|text| call.contains(**text)).map(move |text| (line, *text))
    });
    raw.map(|(line, text)| format!("{}:{line}: {text} in a log line without `one_line`", file.name)).collect()
}
