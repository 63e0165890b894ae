//! The page of settings has a row for each of them, with the default and the range of the code.

use std::process::Command;

use super::expect_none;
use super::files::{File, files_in, read, root, sources};

const PAGE: &str = include_str!("../../../docs/guide/settings.md");

/// The cells of the row whose first cell is that name in code, without its type parameters.
fn row(page: &str, name: &str) -> Option<Vec<String>> {
    let cells = |row: &str| row.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.into_iter()
        .find(|cells| cells[0].trim_matches('`').split("::<").next().is_some_and(|found| found == name))
}

fn lacking(page: &str, name: &str) -> Option<String> {
    row(page, name).is_none().then(|| {
        format!("docs/guide/settings.md has no row for `{name}`: add one, with default, range and meaning")
    })
}

fn source(name: &str) -> File {
    read(&root().join(name))
}

#[test]
fn each_method_of_the_builder_has_a_row() {
    let files =
        ["settings", "builder", "registration"].map(|name| source(&format!("src/scheduler/{name}.rs")));
    let setters: Vec<&str> = files.iter().flat_map(|file| setters(&file.text)).collect();
    assert!(setters.len() > 30, "{setters:?}");
    expect_none(setters.iter().filter_map(|name| lacking(PAGE, name)).collect());
}

#[test]
fn each_default_of_the_page_is_that_of_the_code() {
    let config = source("src/config.rs");
    let defaults = defaults(&config.text);
    assert!(defaults.len() >= 15, "{defaults:?}");
    let faults = defaults.iter().filter_map(|(name, default)| wrong(PAGE, name, 1, default));
    expect_none(faults.collect());
}

#[test]
fn each_range_of_the_page_is_that_of_the_code() {
    let config = source("src/config.rs");
    let ranges = ranges(&config.text);
    assert!(ranges.len() >= 12, "{ranges:?}");
    let faults = ranges.iter().filter_map(|(name, range)| wrong(PAGE, name, 2, range));
    expect_none(faults.collect());
}

#[test]
fn each_variable_of_the_environment_has_a_row() {
    let mut files = sources();
    files.retain(|file| !file.is_test());
    let names: Vec<String> = files.iter().flat_map(|file| variables(&file.text)).collect();
    assert!(names.iter().any(|name| name == "DATABASE_URL"), "{names:?}");
    expect_none(names.iter().filter_map(|name| lacking(PAGE, name)).collect());
}

#[test]
fn each_setting_of_the_database_has_a_row() {
    let schema = source("src/schema.rs");
    let (_, list) = schema.text.split_once("const SETTINGS: [&str; ").unwrap();
    let names = quoted(list.split_once("];").unwrap().0);
    assert!(names.contains(&"max_payload_bytes"), "{names:?}");
    expect_none(names.iter().filter_map(|name| lacking(PAGE, &format!("mainspring.{name}"))).collect());
    let limit = source("sql/enqueue/payload_limit.sql").text;
    for (column, number) in [(1, 1_048_576), (2, 1_000)] {
        assert!(limit.contains(&number.to_string()));
        expect_none(
            wrong(PAGE, "mainspring.max_payload_bytes", column, &grouped(number)).into_iter().collect(),
        );
    }
}

// In a schema of another name, any other `mainspring.` of a text is the schema.
#[test]
fn sql_reads_and_sets_no_setting_that_the_schema_does_not_know() {
    let schema = source("src/schema.rs");
    let (_, list) = schema.text.split_once("const SETTINGS: [&str; ").unwrap();
    let known = quoted(list.split_once("];").unwrap().0);
    let mut used = Vec::new();
    for file in files_in(&["sql"], "sql") {
        for call in ["current_setting('mainspring.", "set_config('mainspring."] {
            let names = file.text.split(call).skip(1).filter_map(|rest| rest.split('\'').next());
            used.extend(names.map(|name| (file.name.clone(), name.to_owned())));
        }
    }
    assert!(used.len() >= 3, "{used:?}");
    let strange = used.iter().filter(|(_, name)| !known.contains(&name.as_str()));
    expect_none(
        strange.map(|(file, name)| format!("{file}: SETTINGS in src/schema.rs lacks `{name}`")).collect(),
    );
}

#[test]
fn each_option_of_the_command_line_has_a_row_with_its_default() {
    let mut options = Vec::new();
    collect_options(&mut Vec::new(), &mut options);
    assert!(options.len() > 100, "{options:?}");
    let faults = options.iter().filter_map(|(name, default)| {
        let name = format!("--{name}");
        default.as_ref().map_or_else(|| lacking(PAGE, &name), |default| wrong(PAGE, &name, 1, default))
    });
    expect_none(faults.collect());
}

#[test]
fn a_row_that_lacks_or_differs_is_found() {
    let page = "| `limit::<T>` | none | 1 to 2 |\n| `period` | 25 s; 1 s | 10 ms to 15 s |\n";
    assert_eq!((lacking(page, "limit"), lacking(page, "lim").is_some()), (None, true));
    assert_eq!(wrong(page, "period", 1, "25 s"), None);
    assert!(wrong(page, "period", 1, "5 s").is_some() && wrong(page, "absent", 1, "5 s").is_some());
    let code = "    pub fn one(mut self) -> Self {\n    pub fn two<T>(\n        mut self,\n    pub fn three(&self)\n";
    assert_eq!(setters(code), ["one", "two"]);
    let code = "fn new() {\n a: 100_000,\n b: 128 << 20,\n c: Duration::from_secs(24 * 60 * 60),\n d: None,\n e: true,\n\
        f: StartPolicy::WaitFor(Duration::from_secs(60)),\n g: Level::Info,\n}\n}\n";
    let found = ["a", "b", "c", "d", "f", "g"].into_iter();
    let expected = found.zip(["100,000", "128 MiB", "24 h", "none", "`WaitFor(60 s)`", "`Info`"]);
    let expected: Vec<_> = expected.map(|(name, default)| (name.to_owned(), default.to_owned())).collect();
    assert_eq!(defaults_in(code), expected);
    let code = "in_range(\"a in milliseconds\", millis(self.a), 100, 86_400_000)?;\nin_range(\"b\", u64::from(self.b), 1, 7)\n";
    let expected = [("a", "100 ms to 24 h"), ("b", "1 to 7")];
    assert_eq!(ranges(code), expected.map(|(name, range)| (name.to_owned(), range.to_owned())));
    assert_eq!(variables("env::var(\"A_B\") env = \"C\", var_os(\"D\") var(name)"), ["A_B", "C", "D"]);
}

// What a cell has to begin with, or to name behind a semicolon or a comma.
fn wrong(page: &str, name: &str, column: usize, expected: &str) -> Option<String> {
    let Some(cells) = row(page, name) else { return lacking(page, name) };
    let found = cells.get(column).map_or("", String::as_str);
    let is_named = found.split(';').map(str::trim).any(|part| {
        part.strip_prefix(expected).is_some_and(|rest| rest.is_empty() || rest.starts_with([',', ' ']))
    });
    let words = "which the code does not have";
    (!is_named).then(|| format!("docs/guide/settings.md: `{name}` has `{found}`, {words}: `{expected}`"))
}

/// The methods that take the builder and return it.
fn setters(code: &str) -> Vec<&str> {
    let starts = code.split("    pub fn ").skip(1);
    let name =
        |text: &&str| text.split('(').nth(1).is_some_and(|rest| rest.trim_start().starts_with("mut self"));
    starts.filter(name).filter_map(|text| text.split(['(', '<']).next()).collect()
}

fn defaults(config: &str) -> Vec<(String, String)> {
    defaults_in(config.split_once("pub(crate) fn new(").unwrap().1)
}

// The fields whose defaults can be written down.
fn defaults_in(code: &str) -> Vec<(String, String)> {
    let body = code.split("\n    }\n").next().unwrap_or_default();
    let pairs = body.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(": "));
    pairs.filter_map(|(name, value)| Some((public_name(name)?.to_owned(), written(value)?))).collect()
}

// Fields that the builder sets under another name, or not at all.
fn public_name(field: &str) -> Option<&str> {
    match field {
        "age_every" => Some("ageing"),
        "listen_url" | "poll_interval" | "fires" | "part" | "test" => None,
        other => Some(other),
    }
}

fn written(value: &str) -> Option<String> {
    let inner = |before: &str| value.strip_prefix(before)?.strip_suffix(')');
    if value == "None" {
        return Some("none".into());
    }
    if let Some(seconds) = inner("Duration::from_secs(") {
        return Some(time(number(seconds)? * 1_000));
    }
    if let Some(wait) = inner("StartPolicy::WaitFor(") {
        return Some(format!("`WaitFor({})`", written(wait)?));
    }
    if let Some((_, variant)) =
        value.rsplit_once("::").filter(|(_, variant)| variant.bytes().all(|byte| byte.is_ascii_alphabetic()))
    {
        return Some(format!("`{variant}`"));
    }
    let plain = number(value)?;
    Some(if value.contains("<<") { bytes(plain) } else { grouped(plain) })
}

/// The settings with ranges, by the calls that check them.
fn ranges(config: &str) -> Vec<(String, String)> {
    let calls = config.split("in_range(\"").skip(1).filter_map(|text| text.lines().next());
    let parsed = calls.filter_map(|call| {
        let (name, rest) = call.split_once('"')?;
        let mut arguments = rest.trim_end_matches([';', '?']).strip_suffix(')')?.rsplitn(3, ", ");
        let (most, least) = (number(arguments.next()?)?, number(arguments.next()?)?);
        let (name, unit) = name.split_once(' ').unwrap_or((name, ""));
        let show = match (unit, name) {
            ("in milliseconds", _) => time,
            (_, "max_waiting_bytes") => bytes,
            _ => grouped,
        };
        Some((name.to_owned(), format!("{} to {}", show(least), show(most))))
    });
    parsed.collect()
}

fn number(text: &str) -> Option<u64> {
    let plain = text.replace('_', "").replace("u64::from(u32::MAX)", "4294967295");
    if let Some((base, shift)) = plain.split_once(" << ") {
        return Some(base.parse::<u64>().ok()? << shift.parse::<u32>().ok()?);
    }
    plain.split(" * ").map(|factor| factor.parse::<u64>().ok()).product()
}

fn time(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..3_600_000 => format!("{} s", millis as f64 / 1_000.0),
        _ => format!("{} h", millis as f64 / 3_600_000.0),
    }
}

fn bytes(bytes: u64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"), (1, "bytes")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1, "bytes"));
    format!("{} {name}", bytes / unit)
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    groups.collect::<Vec<_>>().join(",")
}

fn variables(code: &str) -> Vec<String> {
    let behind = ["var(\"", "var_os(\"", "env = \""].into_iter().flat_map(|call| {
        let found = code.match_indices(call).map(move |(at, _)| at + call.len());
        found.collect::<Vec<_>>()
    });
    let mut places: Vec<usize> = behind.collect();
    places.sort_unstable();
    places.iter().filter_map(|at| code[*at..].split('"').next()).map(str::to_owned).collect()
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// The options of a command and of all below it, with the defaults that its help names.
fn collect_options(command: &mut Vec<String>, options: &mut Vec<(String, Option<String>)>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_mainspring"));
    program.env_remove("DATABASE_URL").env_remove("MAINSPRING_SCHEMA");
    let help = program.args(&*command).arg("-h").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let below = section(&help, "\nCommands:\n");
    // A description may go on in the next line, further in.
    let names = below.iter().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        command.push(name.to_owned());
        collect_options(command, options);
        command.pop();
    }
    let mut texts: Vec<String> = Vec::new();
    for line in section(&help, "\nOptions:\n").into_iter().map(str::trim_start) {
        match (line.starts_with('-'), texts.last_mut()) {
            (false, Some(text)) => text.extend([" ", line]),
            _ => texts.push(line.to_owned()),
        }
    }
    for text in texts {
        // Those with a short form are the help and the version.
        let Some(name) = text.strip_prefix("--").and_then(|text| text.split_whitespace().next()) else {
            continue;
        };
        let default = text.split_once("[default: ").and_then(|(_, rest)| rest.split(']').next());
        options.push((name.to_owned(), default.map(str::to_owned)));
    }
}

fn section<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let text = help.split_once(heading).map_or("", |(_, text)| text);
    text.split("\n\n").next().unwrap_or_default().lines().collect()
}
