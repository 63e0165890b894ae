//! The rules of the house that no tool knows: layers import downward only, files stay short and have names that say
//! something, and unsafe code lives in one place. See docs/ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

// From the bottom up. A module may import from its own layer and from those below it.
const LAYERS: [(&str, &[&str]); 7] = [
    (
        "vocabulary",
        &[
            "error",
            "event",
            "job",
            "job_error",
            "lifecycle",
            "backoff",
            "cron",
            "config",
            "flags",
            "schedule",
            "schema",
        ],
    ),
    ("store", &["store"]),
    ("engine", &["engine", "events", "leases", "lock", "prefetch", "progress"]),
    ("attempts", &["attempt", "shared", "signals"]),
    ("actors", &["actors"]),
    ("facade", &["scheduler"]),
    ("leaves", &["embedded", "guide"]),
];
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "common", "helper", "helpers", "types", "messages", "manager", "misc"];
const UNSAFE_PLACE: &str = "src/store/notifications.rs";
const MOST_LINES: usize = 400;

#[test]
fn layers_import_downward_only() {
    let files = sources().into_iter().filter(|file| layer_of(file.module()).is_some());
    let faults = files.flat_map(|file| upward_imports(&file)).collect();
    expect_none(faults);
}

#[test]
fn every_module_belongs_to_a_layer() {
    let files = sources().into_iter().filter(|file| !["lib", "bin"].contains(&file.module()));
    let homeless = files.filter(|file| layer_of(file.module()).is_none());
    expect_none(
        homeless.map(|file| format!("{}:1: `{}` is in no layer", file.name, file.module())).collect(),
    );
}

#[test]
fn the_command_line_program_uses_the_crate_as_any_program_does() {
    let own = [
        "arguments",
        "cron",
        "enqueue",
        "failure",
        "jobs",
        "output",
        "queues",
        "schedules",
        "status",
        "workers",
    ];
    let files = sources().into_iter().filter(|file| file.module() == "bin");
    let faults = files.flat_map(|file| {
        let strange = imports(&file).into_iter().filter(|(_, module)| !own.contains(&module.as_str()));
        strange.map(|(line, module)| format!("{}:{line}: imports `{module}`", file.name)).collect::<Vec<_>>()
    });
    expect_none(faults.collect());
}

#[test]
fn no_source_file_is_longer_than_the_limit() {
    let long = sources().into_iter().filter(|file| file.text.lines().count() > MOST_LINES);
    let fault =
        |file: Source| format!("{}:{}: more than {MOST_LINES} lines", file.name, file.text.lines().count());
    expect_none(long.map(fault).collect());
}

#[test]
fn no_source_file_has_a_name_that_says_nothing() {
    let empty = sources()
        .into_iter()
        .filter(|file| file.name.split(['/', '.']).any(|part| EMPTY_NAMES.contains(&part)));
    expect_none(empty.map(|file| format!("{}:1: a name that says nothing", file.name)).collect());
}

#[test]
fn unsafe_code_lives_in_one_file() {
    let elsewhere = sources().into_iter().filter(|file| file.name != UNSAFE_PLACE);
    let faults = elsewhere.flat_map(|file| {
        let unsafe_lines = file.text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
        unsafe_lines
            .map(|(index, _)| format!("{}:{}: `unsafe` outside of {UNSAFE_PLACE}", file.name, index + 1))
            .collect::<Vec<_>>()
    });
    expect_none(faults.collect());
}

#[test]
fn the_rules_see_what_they_forbid() {
    let text = "use crate::job::Task;\n// use crate::actors::Core;\nlet x = crate::actors::y();\nuse crate::{a, b};\n\
        #[cfg(test)]\nmod tests {\n    use crate::scheduler::S;\n}\nuse super::actors;\nuse crate::Scheduler;\n";
    let file = Source { name: "src/store.rs".into(), text: text.into() };
    let faults = upward_imports(&file);
    let lines: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').nth(1)).collect();
    assert_eq!(lines, ["3", "4", "9", "10"], "{faults:?}");
    assert!(is_unsafe("    unsafe { x() }") && !is_unsafe("unsafe_dedupe // unsafe"));
}

/// A file under src/, named as `src/store/claim.rs`.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The top-level module it belongs to.
    fn module(&self) -> &str {
        let path = self.name.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/').next().unwrap_or_default()
    }

    /// Whether `super` means the crate itself here.
    fn is_top_level(&self) -> bool {
        let path = self.name.trim_start_matches("src/").trim_end_matches("/mod.rs").trim_end_matches(".rs");
        !path.contains('/')
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(found.len() > 40, "only {} files found", found.len());
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

fn upward_imports(file: &Source) -> Vec<String> {
    let Some(own) = layer_of(file.module()) else { return Vec::new() };
    let fault = |(line, module): (usize, String)| {
        let (name, own) = (&file.name, LAYERS[own].0);
        match layer_of(&module) {
            Some(other) => format!("{name}:{line}: `{module}` ({}) is above {own}", LAYERS[other].0),
            None => format!("{name}:{line}: `{module}` is no module of a layer: import from where it lives"),
        }
    };
    let upward = |(_, module): &(usize, String)| layer_of(module).is_none_or(|other| other > own);
    imports(file).into_iter().filter(upward).map(fault).collect()
}

/// The crate's modules that the code of the file names, with the lines; its tests are left out.
fn imports(file: &Source) -> Vec<(usize, String)> {
    if file.name.ends_with("/tests.rs") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in code_lines(&file.text) {
        let mut roots: Vec<&str> = line.split("crate::").skip(1).collect();
        if file.is_top_level() {
            roots.extend(line.split("super::").skip(1));
        }
        found.extend(roots.into_iter().map(|rest| (number, first_name(rest))));
    }
    found
}

fn first_name(path: &str) -> String {
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
    if end == 0 { path.trim_end_matches(';').to_owned() } else { path[..end].to_owned() }
}

// Numbered from 1, without comments and without modules of tests.
fn code_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)));
    let mut code = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push((number, line));
        } else if lines.next().is_some_and(|(_, next)| next.starts_with("mod ") && next.ends_with('{')) {
            lines.by_ref().find(|(_, line)| *line == "}");
        }
    }
    code
}

// A text that holds two slashes is cut short too, which hides nothing that the rules look for.
fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn is_unsafe(line: &str) -> bool {
    let mut words = without_comment(line).split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    words.any(|word| word == "unsafe")
}

fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_statement_reads_the_one_clock() {
    let other_clocks = [
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "current_timestamp",
        "localtimestamp",
    ];
    let mut faults = Vec::new();
    for file in sources().into_iter().chain(sql_files()).filter(|file| file.name != "sql/base/now.sql") {
        for (index, line) in file.text.lines().enumerate() {
            let words = line.to_lowercase();
            let is_other = other_clocks.iter().any(|clock| words.contains(clock)) || names_now_of_sql(&words);
            faults.extend(
                is_other.then(|| format!("{}:{}: another clock than mainspring.now()", file.name, index + 1)),
            );
        }
    }
    expect_none(faults);
    assert!(names_now_of_sql("x > now()") && !names_now_of_sql("mainspring.now(), instant::now()"));
}

fn names_now_of_sql(line: &str) -> bool {
    let before = line.match_indices("now()").map(|(at, _)| line[..at].chars().next_back());
    before.into_iter().any(|letter| !matches!(letter, Some('.' | ':' | '_' | 'a'..='z')))
}

fn sql_files() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("sql"), root.join("migrations")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    assert!(found.len() > 50, "only {} files of SQL found", found.len());
    found
}
